//! The end of a subscription: it leaves the group, and gives back what nobody has had.

use super::RedisSource;
use crate::leaving::Leaving;
use crate::member::Held;
use glmsg_broker::Token;

impl Drop for RedisSource {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let mut tokens: Vec<Token> = self.ready.iter().map(|r| r.token).collect();
        tokens.extend(self.stale.iter().map(|r| r.token));
        tokens.extend(self.wrong.iter().map(|(token, _)| *token));
        tokens.append(&mut self.early);
        let (asker, asking, lease) = (self.asker.clone(), self.asking.take(), self.lease);
        let leaving = Leaving::begin(&asker.settler.shared);
        runtime.spawn(async move {
            let _leaving = leaving;
            let settler = &asker.settler;
            if let Some(mut asking) = asking {
                if let Some(id) = asking.waits_on {
                    let mut unblock = redis::cmd("CLIENT");
                    unblock.arg("UNBLOCK").arg(id);
                    // If it does not wait, or cannot be told, it ends by itself.
                    let _ = settler.shared.run(settler.group.slot, unblock).await;
                }
                if let Some((_, Ok(batch))) = asking.task.end().await {
                    let until = asking.since + lease;
                    let mut deliveries = settler.deliveries();
                    let raws = batch.raws.iter();
                    tokens.extend(raws.map(|raw| deliveries.add(Held::entry(raw, until))));
                }
            }
            // Nobody is left to tell; what is not given back here comes again when its lease ends.
            if !tokens.is_empty() {
                let _ = settler.give_back(&tokens).await;
            }
            let mut leave = settler.shared.scripts.leave.of_group(&settler.group);
            leave.arg(&*asker.consumer);
            let _ = settler.shared.run(settler.group.slot, leave).await;
        });
    }
}
