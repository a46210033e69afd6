//! Progress on stderr, for people: bars on a terminal, sentences anywhere, nothing with `--quiet`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::remark::{self, Level};

/// Where progress is shown.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bars: MultiProgress,
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            quiet,
        }
    }

    /// A bar over `total` bytes; over an unknown number without one.
    pub(crate) fn bytes(&self, total: Option<u64>) -> ProgressBar {
        let template = match total {
            Some(_) => "{bar:30} {bytes}/{total_bytes}  {msg}",
            None => "{spinner} {bytes}  {msg}",
        };
        self.bar(total, template)
    }

    /// A bar over `total` things called `name`.
    pub(crate) fn count(&self, name: &'static str, total: u64) -> ProgressBar {
        let bar = self.bar(Some(total), "{prefix:10} {bar:30} {pos:>7}/{len}  {msg}");
        bar.set_prefix(name);
        bar
    }

    fn bar(&self, total: Option<u64>, template: &str) -> ProgressBar {
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        // A hidden bar must not start a thread to redraw it.
        if !self.bars.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        self.bars.add(bar)
    }

    /// A sentence above the bars.
    pub(crate) fn note(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.bars.is_hidden() || remark::is_json() {
            remark::write(Level::Info, text);
        } else {
            let _ = self.bars.println(text);
        }
    }

    /// Takes the bars away.
    pub(crate) fn clear(&self) {
        let _ = self.bars.clear();
    }
}
