//! Prometheus' text format, version 0.0.4: families of samples, written as a stream.

use core::fmt::{self, Display, Write};

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub struct Family<'a, W> {
    out: &'a mut W,
    name: &'static str,
}

impl<'a, W: Write> Family<'a, W> {
    /// Writes `HELP` and `TYPE`: counter if the name ends with `_total`, else gauge. `help` must
    /// not have backslashes or line ends.
    pub fn new(out: &'a mut W, name: &'static str, help: &str) -> Result<Self, fmt::Error> {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n")?;
        Ok(Self { out, name })
    }

    pub fn value(&mut self, value: impl Display) -> fmt::Result {
        self.sample(&[], value)
    }

    /// Writes a sample; values of labels can be any text.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
        self.out.write_str(self.name)?;
        for (index, (label, text)) in labels.iter().enumerate() {
            write!(self.out, "{}{label}=\"", if index == 0 { '{' } else { ',' })?;
            for character in text.chars() {
                match character {
                    '"' | '\\' => write!(self.out, "\\{character}")?,
                    '\n' => self.out.write_str("\\n")?,
                    other => self.out.write_char(other)?,
                }
            }
            self.out.write_char('"')?;
        }
        writeln!(self.out, "{} {value}", if labels.is_empty() { "" } else { "}" })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;

    use super::*;

    #[test]
    fn labels_are_escaped_and_families_announced() {
        let mut text = String::new();
        let mut family = Family::new(&mut text, "pacingd_x_total", "What it is.").unwrap();
        family.value(7).unwrap();
        family.sample(&[("channel", "chat"), ("group", "a\"b\\c\nü")], 0.5).unwrap();
        let want = "# HELP pacingd_x_total What it is.\n# TYPE pacingd_x_total counter\npacingd_x_total 7\n\
                    pacingd_x_total{channel=\"chat\",group=\"a\\\"b\\\\c\\nü\"} 0.5\n";
        assert_eq!(text, want);
    }
}
