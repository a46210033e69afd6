//! The code blocks of a written page.

/// One code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The line of the page where its fence opens.
    pub(super) line: usize,
    /// What stands behind the fence, up to the first comma: the language.
    pub(super) language: String,
    /// The last line of prose before it.
    pub(super) before: String,
    pub(super) code: String,
}

/// The blocks of a page, in its order.
pub(super) fn read(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut before = String::new();
    let mut is_open = false;
    for (index, line) in page.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, is_open) {
            (Some(info), false) => {
                let language = info.split(',').next().unwrap_or_default().trim();
                blocks.push(Block {
                    line: index + 1,
                    language: language.to_owned(),
                    before: std::mem::take(&mut before),
                    code: String::new(),
                });
                is_open = true;
            }
            (Some(_), true) => is_open = false,
            (None, true) => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(line);
                    block.code.push('\n');
                }
            }
            (None, false) if !line.trim().is_empty() => line.clone_into(&mut before),
            (None, false) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_with_what_stands_before_them() {
        let page =
            "Say this:\n\n```sh\necho one\n\necho two\n```\n```rust,no_run\nfn f() {}\n```\n";
        let blocks = read(page);
        assert_eq!(blocks.len(), 2);
        let first = &blocks[0];
        assert_eq!((first.line, first.language.as_str()), (3, "sh"));
        assert_eq!(first.before, "Say this:");
        assert_eq!(first.code, "echo one\n\necho two\n");
        assert_eq!(blocks[1].language, "rust");
        assert!(blocks[1].before.is_empty());
    }
}
