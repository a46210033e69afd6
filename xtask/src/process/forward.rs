//! What a program prints, passed on as it comes and searched for secrets on the way.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::lines::{Lines, Reader};
use crate::secrets::{self, Scanner};

/// How long the end is waited for once the program has ended: one that it left behind may hold its output open.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// A stream that is passed on by a thread.
#[derive(Debug)]
pub(super) struct Forward(Receiver<()>);

/// A reader that is looked at while a thread may still feed it: what was left behind by a program must not hide what is
/// known of it.
pub(super) type Shared<R> = Arc<Mutex<R>>;

impl Forward {
    /// Passes everything on until the end; with a reader, what that shows. All of it is searched.
    pub(super) fn start<R: Reader + 'static>(
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
        reader: Option<Shared<R>>,
    ) -> Self {
        let (at_the_end, ended) = mpsc::channel();
        thread::spawn(move || {
            pass(from, to, reader.as_deref(), secrets::found);
            // Nobody waits for it once the time for what was left behind is over.
            let _ = at_the_end.send(());
        });
        Self(ended)
    }

    /// Waits until all of it is passed on. To be called when the program has ended.
    pub(super) fn finish(self) {
        // Who holds it open for longer is not waited for.
        let _ = self.0.recv_timeout(LEFT_BEHIND);
    }
}

fn pass<R: Reader>(
    mut from: impl Read,
    mut to: impl Write,
    reader: Option<&Mutex<R>>,
    mut found: impl FnMut(Vec<String>),
) {
    let mut scanner = Scanner::default();
    let mut lines = Lines::default();
    let mut buffer = vec![0; 1 << 16];
    // A reader who went away does not stop the program: what it prints is still searched.
    let mut show = |bytes: &[u8]| {
        let _ = to.write_all(bytes).and_then(|()| to.flush());
    };
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let bytes = &buffer[..count];
        found(scanner.feed(bytes));
        match reader {
            Some(reader) => show(&lines.feed(bytes, &mut *locked(reader))),
            None => show(bytes),
        }
    }
    found(scanner.end());
    if let Some(reader) = reader {
        show(&lines.end(&mut *locked(reader)));
    }
}

fn locked<R>(reader: &Mutex<R>) -> MutexGuard<'_, R> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::runners::Runners;
    use crate::secrets::MARK;

    fn passed(text: &[u8], runners: Option<&Mutex<Runners>>) -> (Vec<u8>, Vec<String>) {
        let (mut shown, mut found) = (Vec::new(), Vec::new());
        pass(text, &mut shown, runners, |lines| found.extend(lines));
        (shown, found)
    }

    #[test]
    fn everything_is_passed_on_unchanged_and_searched() {
        let text = format!(
            "\u{1b}[32mgreen\u{1b}[0m\r\n{}{MARK}\n\0 end",
            ".".repeat(1 << 17)
        );
        let (shown, found) = passed(text.as_bytes(), None);
        assert_eq!(shown, text.as_bytes());
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn what_is_left_out_is_searched_too() {
        let text = format!("running 1 test\nsuccesses:\n{MARK}\ntest result: ok.\n");
        let (shown, found) = passed(text.as_bytes(), Some(&Mutex::default()));
        assert_eq!(shown, b"running 1 test\ntest result: ok.\n");
        assert_eq!(found, ["***"]);
    }
}
