//! Bytes of AMI to messages, however TCP splits them.
//!
//! A message is lines `Name: value`, each ended by CR LF, and an empty line. The first line of a
//! connection, Asterisk's banner, is a message by itself.

use crate::limits::{LINE_BYTES, MESSAGE_BYTES, NUMBER};

/// A message: its lines, without their ends.
#[derive(Debug, Default)]
pub struct Message {
    /// The lines, each ended by a newline.
    text: Vec<u8>,
}

impl Message {
    /// Returns the value of the first line called `name`, in either case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.lines().find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (found, value) = line.split_at(colon);
            found.eq_ignore_ascii_case(name.as_bytes()).then(|| value.get(1..).unwrap_or_default().trim_ascii())
        })
    }

    /// Returns the value of `name` as a number, unless it is none or above [`NUMBER`].
    pub fn number(&self, name: &str) -> Option<u64> {
        std::str::from_utf8(self.field(name)?).ok()?.parse().ok().filter(|number| *number <= NUMBER)
    }

    /// Returns the first line.
    pub fn first_line(&self) -> &[u8] {
        self.lines().next().unwrap_or_default()
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|byte| *byte == b'\n')
    }
}

/// The bytes received so far of a line and of a message.
///
/// Of a line or a message longer than its limit the rest is dropped, so both stay bounded. A line
/// that is dropped is dropped whole: half a value would be a wrong one.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    line_is_too_long: bool,
    message: Message,
    banner_is_over: bool,
}

impl Reader {
    /// Takes `bytes` and calls `each` for every message that they complete; stops at the first
    /// error of `each`.
    pub fn receive<E>(&mut self, bytes: &[u8], mut each: impl FnMut(&Message) -> Result<(), E>) -> Result<(), E> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.extend_line(end);
                    self.end_line(&mut each)?;
                }
                None => self.extend_line(piece),
            }
        }
        Ok(())
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        // One more for the CR.
        if self.line.len() + bytes.len() > LINE_BYTES + 1 {
            self.line_is_too_long = true;
            self.line.clear();
        }
        if !self.line_is_too_long {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end_line<E>(&mut self, each: &mut impl FnMut(&Message) -> Result<(), E>) -> Result<(), E> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let is_end = line.is_empty() && !self.line_is_too_long;
        if !line.is_empty() && self.message.text.len() + line.len() < MESSAGE_BYTES {
            self.message.text.extend_from_slice(line);
            self.message.text.push(b'\n');
        }
        self.line.clear();
        self.line_is_too_long = false;
        let is_banner = !std::mem::replace(&mut self.banner_is_over, true);
        if !is_banner && !is_end {
            return Ok(());
        }
        let result = each(&self.message);
        self.message.text.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(bytes: &[u8], size: usize) -> Vec<String> {
        let mut reader = Reader::default();
        let mut messages = Vec::new();
        for chunk in bytes.chunks(size) {
            let Ok(()) = reader.receive(chunk, |message| {
                messages.push(String::from_utf8_lossy(&message.text).into_owned());
                Ok::<(), std::convert::Infallible>(())
            });
        }
        messages
    }

    #[test]
    fn chunks_of_any_size_give_the_same_messages() {
        let bytes = b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nA: 1\r\n\r\nEvent: X\n\nEvent: half";
        let whole = messages(bytes, bytes.len());
        assert_eq!(whole, ["Asterisk Call Manager/11.0.0\n", "Response: Success\nA: 1\n", "Event: X\n"]);
        for size in 1..bytes.len() {
            assert_eq!(messages(bytes, size), whole, "chunks of {size}");
        }
    }

    #[test]
    fn a_field_is_found_by_its_name_in_either_case_and_its_value_may_have_colons() {
        let mut message = Message::default();
        message.text.extend_from_slice(b"Queue: sales\nLocation:Local/a:1@x\nno colon\nCalls: 12\nQueue: other\n");
        assert_eq!(message.field("queue"), Some(&b"sales"[..]));
        assert_eq!(message.field("Location"), Some(&b"Local/a:1@x"[..]));
        assert_eq!(message.number("Calls"), Some(12));
        assert_eq!((message.number("Queue"), message.field("no colon"), message.field("Que")), (None, None, None));
    }

    #[test]
    fn what_is_longer_than_its_limit_is_dropped_and_the_rest_is_read() {
        let line = |length: usize| format!("Name: {}\r\n", "x".repeat(length - 6));
        let text = format!("banner\r\n{}Queue: a\r\n{}\r\n", line(LINE_BYTES + 2), line(LINE_BYTES));
        for size in [1, 7, text.len()] {
            let found = messages(text.as_bytes(), size);
            assert_eq!(found[1], format!("Queue: a\n{}\n", line(LINE_BYTES).trim_end()));
        }

        let long = format!("banner\r\n{}\r\nEvent: next\r\n\r\n", line(100).repeat(1000));
        let found = messages(long.as_bytes(), 33);
        assert!(found[1].len() <= MESSAGE_BYTES);
        assert_eq!(found[2], "Event: next\n");
    }
}
