//! Waiting for a condition under a deadline.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// Asks again and again until the condition holds. What it still lacks at the deadline is the failure's text.
pub(super) fn until(
    limit: Duration,
    mut lacks: impl FnMut() -> Outcome<Option<String>>,
) -> Outcome {
    let deadline = Instant::now() + limit;
    while let Some(lack) = lacks()? {
        if Instant::now() > deadline {
            let seconds = limit.as_secs();
            return Err(Failure::failed(format!("{lack} after {seconds} s")));
        }
        pause();
    }
    Ok(())
}

/// The time between two looks.
pub(super) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_nothing_lacks_and_says_what_did_at_the_deadline() {
        let mut looks = 0;
        let third = || {
            looks += 1;
            Ok((looks < 3).then(|| "too few looks".to_owned()))
        };
        until(Duration::from_secs(60), third).unwrap();
        assert_eq!(looks, 3);
        let never = until(Duration::ZERO, || Ok(Some("it is not there".to_owned())));
        assert_eq!(never.unwrap_err().to_string(), "it is not there after 0 s");
        assert!(until(Duration::ZERO, || Err(Failure::failed("dead"))).is_err());
    }
}
