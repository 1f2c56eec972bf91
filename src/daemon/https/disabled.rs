//! Replaces the module in builds without TLS: a configuration with HTTPS is refused.

use std::fmt;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::configuration::Https;
use crate::context::Context;
use crate::http::connection::Stream;
use crate::http::respond::Asked;
use crate::log::Log;

pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn new(https: &Https) -> Result<Option<Self>, String> {
        match https.pair() {
            None => Ok(None),
            Some(_) => Err("https: this pacingd was built without HTTPS; want one built with the feature tls, or no \
                            https section"
                .into()),
        }
    }

    pub(crate) fn reload(&self, _: &Https) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn certificate(&self) -> String {
        match *self {}
    }

    pub(crate) async fn accept(&self, _: &Context, _: TcpStream) -> Option<(Stream, Asked)> {
        match *self {}
    }

    pub(crate) fn log_certificate(&self, _: &Log) {
        match *self {}
    }

    pub(crate) fn warn_of_expiry(&self, _: &Log, _: Duration) -> Option<Duration> {
        match *self {}
    }

    pub(crate) fn expires(&self) -> String {
        match *self {}
    }

    pub(crate) fn write(&self, _: &mut impl fmt::Write) -> fmt::Result {
        match *self {}
    }
}
