#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod builder;
// Not every format knows all that there is.
#[cfg_attr(
    not(all(feature = "yaml", feature = "toml", feature = "json")),
    allow(dead_code, unreachable_code, unused_variables)
)]
mod document;
mod fault;
mod given;
#[cfg(feature = "json")]
mod json_schema;
mod origin;
mod production;
mod reading;
mod reference;
mod schema;
mod secret;
mod settings;
mod value;

pub use address::BrokerUrl;
pub use builder::SettingsBuilder;
pub use document::Format;
#[cfg(feature = "json")]
pub use json_schema::json_schema;
pub use origin::Origin;
pub use reference::reference;
pub use schema::{Form, Key, keys};
pub use secret::Secret;
pub use settings::{
    CircuitBreakerSettings, ConsumerSettings, Entry, LogFormat, LogLevel, LogSettings,
    MetricsSettings, Profile, Settings, TracingSettings,
};
pub use value::Value;
