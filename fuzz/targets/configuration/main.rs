//! Any configuration file: read or refused with its line, and what was read is printed as a file that means the same.
#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)] // The daemon's own files are built in, and not all of each is used.

use libfuzzer_sys::fuzz_target;

// `daemon` here is a link to the daemon's folder.
mod daemon {
    pub(crate) mod clock;
    pub(crate) mod configuration;
    pub(crate) mod cors;
    pub(crate) mod endpoint;
    pub(crate) mod log;
}

use daemon::configuration::Configuration;

fuzz_target!(|text: &str| {
    match Configuration::parse("file", text) {
        Ok(configuration) => {
            let printed = configuration.to_string();
            let again =
                Configuration::parse("printed", &printed).unwrap_or_else(|error| panic!("{error} in\n{printed}"));
            assert_eq!(again, configuration, "{printed}");
        }
        Err(error) => assert!(error.to_string().starts_with("file:"), "{error}"),
    }
});
