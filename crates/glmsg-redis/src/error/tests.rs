//! Each fault has its kind.

use super::*;
