//! The formats of files.

use std::fmt;
use std::path::Path;

/// A format of files.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2; `yes`, `no`, `on` and `off` are flags, as they are in 1.1.
    Yaml,
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format of a file, by the ending of its name: `.yaml` or `.yml`, `.toml`, `.json`.
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        let ending = path.as_ref().extension()?.to_str()?;
        match ending.to_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    #[cfg(not(all(feature = "yaml", feature = "toml", feature = "json")))]
    pub(crate) const fn feature_remedy(self) -> &'static str {
        match self {
            Self::Yaml => "build it with the feature yaml of glmsg-config",
            Self::Toml => "build it with the feature toml of glmsg-config",
            Self::Json => "build it with the feature json of glmsg-config",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Json => "JSON",
        })
    }
}
