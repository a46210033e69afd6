//! Settings that are one of a few words.

macro_rules! choice {
    (
        $(#[$doc:meta])* $type:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// All words, as an error lists them.
            pub(crate) const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word for it in a URL.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            pub(crate) fn of_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

choice! {
    /// How to log in.
    SaslMechanism {
        /// The password itself is sent: use it with TLS only.
        Plain = "plain",
        /// The password is not sent.
        #[default]
        ScramSha256 = "scram-sha-256",
        /// The password is not sent.
        ScramSha512 = "scram-sha-512",
    }
}

choice! {
    /// How what is sent is compressed.
    Compression {
        /// Not at all.
        #[default]
        None = "none",
        /// gzip: small and slow.
        Gzip = "gzip",
        /// Snappy: fast.
        Snappy = "snappy",
        /// LZ4: fast.
        Lz4 = "lz4",
        /// Zstandard: small and fast. Needs the feature `zstd`.
        Zstd = "zstd",
    }
}

choice! {
    /// How a group shares out partitions.
    GroupProtocol {
        /// Its members do it among themselves.
        #[default]
        Classic = "classic",
        /// The cluster does it (KIP-848): Kafka 4.0 and newer.
        Consumer = "consumer",
    }
}

choice! {
    /// What is refused for its risk.
    Profile {
        /// Nothing: one broker is enough.
        #[default]
        Development = "development",
        /// A topic that loses what was stored with its only copy: one with a replication of 1, or for
        /// which one copy in sync is enough.
        Production = "production",
    }
}

choice! {
    /// How a message is written into a record.
    Encoding {
        /// The payload is the value, the rest are headers that any tool can read.
        #[default]
        Headers = "headers",
        /// The value is the envelope of glmsg's wire format.
        Envelope = "envelope",
        /// A CloudEvent in binary mode: the payload is the value, the rest are headers `ce_…`.
        CloudEvents = "cloudevents",
    }
}
