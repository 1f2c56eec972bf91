//! Signed lines: what is sent unsigned is refused, and what a key holder signs is verified as what
//! it is, unless a bit of it is changed.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pacingd::limits::PAYLOAD_BYTES;
use pacingd::settings::Settings;
use pacingd::state::State;
use pacingd::wire::jws::{Key, Keys};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// By someone without the key.
    Raw(&'a [u8]),
    /// A well signed line.
    Signed(&'a [u8]),
    /// A well signed line, of which something is changed.
    Altered(&'a [u8], u16, u8),
    /// Lines of a datagram, each signed or not.
    Lines(Vec<(bool, &'a [u8])>),
}

fn key() -> Key {
    Key::new(b"0123456789abcdef0123456789abcdef").unwrap()
}

fn keys() -> Keys {
    let mut keys = Keys::default();
    assert!(keys.push(Key::new(&[0; 32]).unwrap()) && keys.push(key()));
    keys
}

fuzz_target!(|input: Input<'_>| {
    let mut buffer = [0; PAYLOAD_BYTES];
    match input {
        Input::Raw(line) => {
            let error = keys().verify(line, &mut buffer).unwrap_err();
            assert!(!error.to_string().contains(char::is_control));
        }
        Input::Signed(payload) => match key().sign(payload) {
            Some(line) => assert_eq!(keys().verify(line.as_bytes(), &mut buffer).unwrap(), payload),
            None => assert!(payload.len() > PAYLOAD_BYTES),
        },
        Input::Altered(payload, place, mask) => {
            let Some(line) = key().sign(payload) else { return };
            let mut altered = line.as_bytes().to_vec();
            let place = usize::from(place) % altered.len();
            altered[place] ^= mask;
            let is_same = altered == line.as_bytes();
            assert_eq!(keys().verify(&altered, &mut buffer).is_ok(), is_same);
        }
        Input::Lines(lines) => datagram(&lines),
    }
});

fn datagram(lines: &[(bool, &[u8])]) {
    let wall = std::time::Duration::from_secs(1_790_000_000);
    let mut state = Box::new(State::new(Settings { keys: keys(), ..Settings::default() }));
    let mut datagram = Vec::new();
    for (is_signed, line) in lines {
        match key().sign(line).filter(|_| *is_signed) {
            Some(signed) => datagram.extend(signed.as_bytes()),
            None => datagram.extend(*line),
        }
        datagram.push(b'\n');
    }
    state.receive(wall, wall, std::net::Ipv4Addr::LOCALHOST.into(), &datagram, |_, fault| {
        assert!(!fault.to_string().contains(char::is_control));
    });
    // Once more: what was accepted is old by now.
    let accepted = state.counters.lines(pacingd::counters::Outcome::Accepted);
    state.receive(wall, wall, std::net::Ipv4Addr::LOCALHOST.into(), &datagram, |_, _| ());
    assert_eq!(state.counters.lines(pacingd::counters::Outcome::Accepted), accepted, "a replay was accepted");
}
