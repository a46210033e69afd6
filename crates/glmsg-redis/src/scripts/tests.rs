//! Each step alone, on each kind of server: its answers and effects, also when it is repeated after
//! a lost answer, when the server is full, and when what it is about is gone.

mod bench;
mod delete;
mod ensure;
mod fetch;
mod lag;
mod letters;
mod members;
mod missing;
mod note;
mod publish;
mod relieve;
mod room;
mod settle;
mod storage;
mod topic;

/// Tests of a step, one for each kind of server.
macro_rules! on_each_server {
    ($($case:ident)+) => {
        $(
            mod $case {
                #[tokio::test]
                async fn on_redis_7() {
                    super::$case(crate::scripts::tests::bench::Bench::on("REDIS7").await).await;
                }

                #[tokio::test]
                async fn on_redis_8() {
                    super::$case(crate::scripts::tests::bench::Bench::on("REDIS8").await).await;
                }

                #[tokio::test]
                async fn on_valkey_9() {
                    super::$case(crate::scripts::tests::bench::Bench::on("VALKEY9").await).await;
                }
            }
        )+
    };
}

use on_each_server;
