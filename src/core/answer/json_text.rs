//! Text on its way into a JSON string (RFC 8259, section 7).

use core::fmt::{self, Write};

/// Escapes what is written to it, for between the quotes.
pub(crate) struct JsonText<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Write for JsonText<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' | '\\' => write!(self.0, "\\{character}")?,
                control if control < ' ' => write!(self.0, "\\u{:04x}", u32::from(control))?,
                other => self.0.write_char(other)?,
            }
        }
        Ok(())
    }
}
