//! The whole input as one message. It is read up to the limit and one byte further, so that an
//! input that is too large is known without being held.

use std::io::Read;

use super::{BadPiece, Piece, Pieces, Source, too_long};

pub(super) struct Raw {
    source: Option<Source>,
}

impl Raw {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source: Some(source),
        }
    }
}

impl Pieces for Raw {
    fn next(&mut self, limit: usize) -> Result<Option<Piece>, BadPiece> {
        let Some(source) = self.source.take() else {
            return Ok(None);
        };
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        source
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| BadPiece::unreadable(1, &e))?;
        if bytes.len() > limit {
            return Err(BadPiece::fatal(1, too_long(limit)));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { number: 1, bytes }))
    }
}
