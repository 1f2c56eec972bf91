//! A connection to AMI: login by challenge, then one `QueueStatus` after the other. Bytes in, bytes
//! and answers out; time is an argument.
//!
//! Only one action is under way at a time, so what comes is the answer to it, or an event that
//! nobody asked for.

use std::fmt;
use std::io;
use std::time::Duration;

use md5::{Digest as _, Md5};

use crate::ami::{Message, Reader};
use crate::answer::{Answer, AnswerError};
use crate::clock::Moment;
use crate::excerpt::excerpt;
use crate::limits::Timing;
use crate::settings::Secret;

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The section's name in `manager.conf`.
    pub user: String,
    /// Its `secret`, which never leaves this machine.
    pub secret: Secret,
}

impl Account {
    fn login(&self, challenge: &[u8]) -> String {
        let mut digest = Md5::new();
        digest.update(challenge);
        digest.update(self.secret.as_bytes());
        let key: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("Action: Login\r\nAuthType: MD5\r\nUsername: {}\r\nKey: {key}\r\nEvents: off\r\n\r\n", self.user)
    }
}

/// A whole answer to a `QueueStatus`.
#[derive(Debug)]
pub struct Status {
    /// What Asterisk answered.
    pub answer: Answer,
    /// When it was asked. The answer is at least as new.
    pub asked: Moment,
    /// From then until the answer's last byte.
    pub took: Duration,
}

/// Why a connection is given up.
#[derive(Debug)]
pub enum Failure {
    /// The address cannot be found or reached.
    Unreachable(io::Error),
    /// Asterisk closed the connection, or ended.
    Closed,
    /// The connection broke.
    Lost(io::Error),
    /// It was open, but nothing came for the time allowed.
    TimedOut {
        /// What was waited for.
        awaited: &'static str,
        /// For how long.
        limit: Duration,
    },
    /// Whatever listens there does not speak AMI.
    NotAmi(String),
    /// The login was refused, with this message.
    Refused(String),
    /// Asterisk answered with an error, with this message.
    Rejected(String),
    /// The answer cannot be used.
    Unusable(AnswerError),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(formatter, "cannot connect: {error}"),
            Self::Closed => formatter.write_str("Asterisk closed the connection"),
            Self::Lost(error) => write!(formatter, "the connection broke: {error}"),
            Self::TimedOut { awaited, limit } => {
                write!(formatter, "no {awaited} within {} s", limit.as_secs_f64())
            }
            Self::NotAmi(found) => write!(formatter, "this is not AMI: want its banner or challenge, got \"{found}\""),
            Self::Refused(message) => write!(
                formatter,
                "the login was refused (\"{message}\"): check user and secret here, and secret, deny and permit of \
                 that user in manager.conf"
            ),
            Self::Rejected(message) => write!(formatter, "Asterisk answered with an error: \"{message}\""),
            Self::Unusable(AnswerError::Incomplete { announced, received }) => {
                write!(formatter, "an answer of {announced} events had {received}")
            }
            Self::Unusable(AnswerError::TooLong) => {
                formatter.write_str("an answer has more members or events than the collector's limits allow")
            }
        }
    }
}

#[derive(Debug)]
enum State {
    /// Connected; Asterisk speaks first.
    Banner,
    Challenge,
    Login,
    /// Logged in; nothing is under way.
    Idle,
    /// A `QueueStatus` is under way.
    Asked(Moment, Answer),
}

/// A connection, from its banner on.
#[derive(Debug)]
pub struct Session<'a> {
    account: &'a Account,
    timing: &'a Timing,
    reader: Reader,
    state: State,
    /// What is to be written.
    output: Vec<u8>,
    /// When what is awaited is late, or, if nothing is, when to ask next.
    deadline: Duration,
}

impl<'a> Session<'a> {
    /// Returns a connection that was made at `now`.
    pub fn new(account: &'a Account, timing: &'a Timing, now: Moment) -> Self {
        let deadline = now.monotonic + timing.answer;
        Self { account, timing, reader: Reader::default(), state: State::Banner, output: Vec::new(), deadline }
    }

    /// Returns when to call [`Session::output`] again at the latest, by the monotonic clock.
    pub fn wake_at(&self) -> Duration {
        self.deadline
    }

    /// Returns what to write at `now`; fails when what is awaited is late.
    pub fn output(&mut self, now: Moment) -> Result<Vec<u8>, Failure> {
        if now.monotonic >= self.deadline {
            let awaited = match self.state {
                State::Idle => {
                    self.output.extend_from_slice(b"Action: QueueStatus\r\n\r\n");
                    self.go_to(State::Asked(now, Answer::default()), now);
                    return Ok(std::mem::take(&mut self.output));
                }
                State::Banner => "banner of AMI",
                State::Challenge => "challenge",
                State::Login => "answer to the login",
                State::Asked(..) => "whole answer to QueueStatus",
            };
            return Err(Failure::TimedOut { awaited, limit: self.timing.answer });
        }
        Ok(std::mem::take(&mut self.output))
    }

    /// Takes `bytes` that were received at `now`; returns the answer that they complete.
    pub fn receive(&mut self, bytes: &[u8], now: Moment) -> Result<Option<Status>, Failure> {
        let mut reader = std::mem::take(&mut self.reader);
        let mut status = None;
        let result = reader.receive(bytes, |message| {
            if let Some(complete) = self.take(message, now)? {
                status = Some(complete);
            }
            Ok(())
        });
        self.reader = reader;
        result.map(|()| status)
    }

    fn take(&mut self, message: &Message, now: Moment) -> Result<Option<Status>, Failure> {
        let response = message.field("Response");
        let is_success = response == Some(b"Success");
        let error = || excerpt(message.field("Message").unwrap_or_default());
        match &mut self.state {
            State::Banner => {
                if !message.first_line().starts_with(b"Asterisk Call Manager") {
                    return Err(Failure::NotAmi(excerpt(message.first_line())));
                }
                self.output.extend_from_slice(b"Action: Challenge\r\nAuthType: MD5\r\n\r\n");
                self.go_to(State::Challenge, now);
            }
            State::Challenge if is_success => {
                let Some(challenge) = message.field("Challenge") else {
                    return Err(Failure::NotAmi(excerpt(message.first_line())));
                };
                self.output.extend_from_slice(self.account.login(challenge).as_bytes());
                self.go_to(State::Login, now);
            }
            State::Login if is_success => {
                self.state = State::Idle;
                self.deadline = now.monotonic;
            }
            // Asterisk that is about to end answers every action so.
            State::Challenge | State::Login if response.is_some() && error().contains("shutting down") => {
                return Err(Failure::Rejected(error()));
            }
            State::Challenge | State::Login if response.is_some() => return Err(Failure::Refused(error())),
            State::Asked(..) if response == Some(b"Error") => return Err(Failure::Rejected(error())),
            State::Asked(asked, answer) => {
                if answer.take(message).map_err(Failure::Unusable)? {
                    let (asked, answer) = (*asked, std::mem::take(answer));
                    self.state = State::Idle;
                    self.deadline = (asked.monotonic + self.timing.poll).max(now.monotonic);
                    return Ok(Some(Status { answer, asked, took: now.monotonic.saturating_sub(asked.monotonic) }));
                }
            }
            // Events that nobody asked for.
            State::Challenge | State::Login | State::Idle => {}
        }
        Ok(None)
    }

    fn go_to(&mut self, state: State, now: Moment) {
        self.state = state;
        self.deadline = now.monotonic + self.timing.answer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { monotonic: Duration::from_secs(seconds), since_epoch: Duration::from_secs(1_790_000_000 + seconds) }
    }

    fn account() -> Account {
        Account { user: "pacingd".into(), secret: Secret::new("test-secret".into()).unwrap() }
    }

    const BANNER: &[u8] = b"Asterisk Call Manager/11.0.0\r\n";
    const CHALLENGE: &[u8] = b"Response: Success\r\nChallenge: 122345678\r\n\r\n";
    const ACCEPTED: &[u8] = b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n";

    /// Drives a session to the state after `inputs`, all at second 0; returns what it wrote last.
    fn drive(session: &mut Session<'_>, inputs: &[&[u8]]) -> Result<String, Failure> {
        let mut written = String::new();
        for input in inputs {
            assert!(session.receive(input, at(0))?.is_none());
            written = String::from_utf8(session.output(at(0))?).unwrap();
        }
        Ok(written)
    }

    #[test]
    fn the_login_answers_the_challenge_and_shows_no_secret() {
        let (account, timing) = (account(), Timing::default());
        let mut session = Session::new(&account, &timing, at(0));
        assert_eq!(session.output(at(0)).unwrap(), b"");
        assert_eq!(drive(&mut session, &[BANNER]).unwrap(), "Action: Challenge\r\nAuthType: MD5\r\n\r\n");
        let login = drive(&mut session, &[CHALLENGE]).unwrap();
        // printf %s 122345678test-secret | md5sum
        assert!(login.contains("\r\nKey: da6054c5fd29fc9bacc7d537bfc702af\r\n"), "{login}");
        assert!(!login.contains("test-secret"));
        assert_eq!(drive(&mut session, &[ACCEPTED]).unwrap(), "Action: QueueStatus\r\n\r\n");
    }

    #[test]
    fn what_is_late_is_named() {
        let (account, timing) = (account(), Timing::default());
        for (inputs, awaited) in [
            (&[][..], "banner of AMI"),
            (&[BANNER], "challenge"),
            (&[BANNER, CHALLENGE], "answer to the login"),
            (&[BANNER, CHALLENGE, ACCEPTED, b"Response: Success\r\n\r\nEvent: Queue"], "whole answer to QueueStatus"),
        ] {
            let mut session = Session::new(&account, &timing, at(0));
            drive(&mut session, inputs).unwrap();
            assert_eq!(session.wake_at(), timing.answer);
            assert!(session.output(at(4)).is_ok());
            let failure = session.output(at(5)).unwrap_err();
            assert_eq!(failure.to_string(), format!("no {awaited} within 5 s"));
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_shutdown_and_from_what_is_no_ami() {
        let (account, timing) = (account(), Timing::default());
        let failure = |inputs: &[&[u8]]| drive(&mut Session::new(&account, &timing, at(0)), inputs).unwrap_err();
        let refused = b"Response: Error\r\nMessage: Authentication failed\r\n\r\n";
        let ending = b"Response: Error\r\nMessage: Asterisk is shutting down\r\n\r\n";
        assert!(matches!(failure(&[BANNER, CHALLENGE, refused]), Failure::Refused(text) if text.contains("failed")));
        assert!(matches!(failure(&[BANNER, refused]), Failure::Refused(_)));
        assert!(matches!(failure(&[BANNER, ending]), Failure::Rejected(_)));
        assert!(matches!(failure(&[BANNER, CHALLENGE, ACCEPTED, ending]), Failure::Rejected(_)));
        assert!(matches!(failure(&[b"HTTP/1.1 400 Bad Request\r\n"]), Failure::NotAmi(text) if text.contains("HTTP")));
        assert!(matches!(failure(&[BANNER, b"Response: Success\r\n\r\n"]), Failure::NotAmi(_)));
    }

    #[test]
    fn the_next_question_comes_a_second_after_the_last_or_when_its_answer_is_whole() {
        let (account, timing) = (account(), Timing::default());
        let end = b"Response: Success\r\n\r\nEvent: QueueStatusComplete\r\nListItems: 0\r\n\r\n";
        for (answered, next) in [(0, 1), (3, 3)] {
            let mut session = Session::new(&account, &timing, at(0));
            drive(&mut session, &[BANNER, CHALLENGE, ACCEPTED]).unwrap();
            let status = session.receive(end, at(answered)).unwrap().unwrap();
            assert_eq!((status.asked, status.took.as_secs()), (at(0), answered));
            assert_eq!(session.wake_at().as_secs(), next);
            assert_eq!(session.output(at(next)).unwrap(), b"Action: QueueStatus\r\n\r\n");
        }
    }
}
