//! HTTPS: the real binary, real sockets, and rustls as the client. Certificates are made as they
//! are needed.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::client::{Client, connect};
use common::{Daemon, Directory, PATIENCE, configuration, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion};

const CAPACITY: &str = "/backend/data/pacing/channelCapacity?channel=chat";
const ASK: &str = "GET /backend/data/pacing/channelCapacity?channel=chat HTTP/1.1\r\nhost: a\r\n\r\n";
const STATISTICS: &str = r#"{"channel":"chat","group":"Sales","ready":4}"#;

const KIB: u64 = 1024;

/// An authority, and a directory for what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: Directory,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, directory: Directory::new() }
    }

    /// Another pair for localhost in the same files. Gives the certificate.
    fn renew(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".into()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.directory.file("certificate.pem", &(certificate.pem() + &self.issuer.pem()));
        self.write_key(&key.serialize_pem());
        certificate.der().clone()
    }

    fn write_key(&self, text: &str) {
        let file = self.directory.file("key.pem", text);
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The section of a configuration, with `more` in it.
    fn section(&self, more: &str) -> String {
        let (certificate, key) = (self.file("certificate.pem"), self.file("key.pem"));
        format!("[https]\nlisten = [\"127.0.0.1:0\"]\ncertificate = {certificate:?}\nkey = {key:?}\n{more}\n")
    }

    /// A client that trusts this authority, and remembers sessions.
    fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// A daemon that speaks HTTPS, with a pair that is good for years.
fn start(more: &str) -> (Authority, Daemon) {
    let authority = Authority::new();
    authority.renew(|_| {});
    let daemon = Daemon::with(&authority.section(more));
    (authority, daemon)
}

fn address(daemon: &Daemon) -> SocketAddr {
    daemon.log.wait_for("answering HTTPS on").rsplit_once(' ').unwrap().1.parse().unwrap()
}

type Secure = Client<StreamOwned<ClientConnection, TcpStream>>;

/// A connection whose handshake is over.
fn try_secure(daemon: &Daemon, config: &Arc<ClientConfig>) -> io::Result<Secure> {
    let connection = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, connect(address(daemon)));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(Client::over(stream))
}

fn secure(daemon: &Daemon, config: &Arc<ClientConfig>) -> Secure {
    try_secure(daemon, config).unwrap()
}

fn certificate(client: &Secure) -> CertificateDer<'static> {
    client.stream.conn.peer_certificates().unwrap()[0].clone()
}

/// A number of `/metrics`, by the whole text before it.
fn metric(daemon: &Daemon, name: &str) -> u64 {
    let body = Client::connect(daemon.operators).get("/metrics").body;
    let line = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {body}")).parse().unwrap()
}

fn handshakes(daemon: &Daemon, outcome: &str) -> u64 {
    metric(daemon, &format!("pacingd_tls_handshakes_total{{outcome=\"{outcome}\"}}"))
}

/// Asks again until the number is this one, for the daemon may be about to count.
fn wait_for(want: u64, number: impl Fn() -> u64) {
    let until = Instant::now() + PATIENCE;
    loop {
        let got = number();
        if got == want {
            return;
        }
        assert!(Instant::now() < until, "it stays {got}; want {want}");
    }
}

#[test]
fn both_methods_are_answered_in_tls_1_2_and_1_3_over_http_1_1() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    for version in [&TLS12, &TLS13] {
        let mut client = secure(&daemon, &authority.client(&[version]));
        assert_eq!(client.stream.conn.protocol_version(), Some(version.version));
        assert_eq!(client.stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(client.get(CAPACITY).value("capacity"), 4);
        assert_eq!(client.get("/server/data/pacing/reactiveState?channel=chat").value("reactiveState"), 1);
    }
    assert_eq!(handshakes(&daemon, "full"), 2);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4, "plain HTTP beside it");
}

#[test]
fn origins_and_limits_are_those_of_http() {
    let authority = Authority::new();
    authority.renew(|_| {});
    let more = authority.section("")
        + "[http.cors]\nallowed-origins = [\"https://shop.example\"]\n[http.limits]\nidle-timeout = 0.5\n";
    let daemon = Daemon::with(&more);
    daemon.send(STATISTICS, 1);
    let config = authority.client(&[&TLS13]);
    let mut client = secure(&daemon, &config);
    let answer = client.request("GET", CAPACITY, "origin: https://shop.example\r\n");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    let mut client = secure(&daemon, &config);
    client.send(format!("GET / HTTP/1.1\r\na: {}", "x".repeat(20_000)));
    assert_eq!(client.answer().status, 431);
    // To rustls an end without close_notify is an error.
    client.assert_closed();
    let mut client = secure(&daemon, &config);
    client.send("GET / HTTP/1.1\r\n");
    assert_eq!(client.rest().unwrap(), "");
}

#[test]
fn a_connection_ends_with_close_notify_before_it_ends_in_tcp() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    let mut client = secure(&daemon, &authority.client(&[&TLS13]));
    assert_eq!(client.request("GET", CAPACITY, "connection: close\r\n").status, 200);
    client.assert_closed();
}

#[test]
fn requests_pipelined_over_tls_are_all_answered_in_order() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    let mut client = secure(&daemon, &authority.client(&[&TLS13]));
    client.send(ASK.repeat(500));
    for _ in 0..500 {
        assert_eq!(client.answer().value("capacity"), 4);
    }
}

#[test]
fn who_does_not_take_his_answers_is_cut_off_and_costs_little() {
    let (authority, daemon) = start("[http.limits]\nidle-timeout = 0.5\n");
    daemon.send(STATISTICS, 1);
    let config = authority.client(&[&TLS13]);
    secure(&daemon, &config).get(CAPACITY);
    let ((), grown) = daemon.process.assert_grows_at_most(128 * KIB, || {
        let mut client = secure(&daemon, &config);
        // The longest record that rustls makes is full of them.
        let requests = ASK.repeat(200);
        let error = (0..100_000).find_map(|_| client.stream.write_all(requests.as_bytes()).err()).expect("an end");
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    });
    println!("a TLS connection whose answers are not taken: {} KiB", grown / KIB);
    wait_for(1, || metric(&daemon, "pacingd_connections_timed_out_total{side=\"visitors\"}"));
}

#[test]
fn sessions_are_resumed_in_both_versions_and_after_a_reload() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    for (already, version) in [(0, &TLS12), (2, &TLS13)] {
        let config = authority.client(&[version]);
        for (run, want) in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed].into_iter().enumerate()
        {
            let mut client = secure(&daemon, &config);
            assert_eq!(client.stream.conn.handshake_kind(), Some(want), "{version:?}, connection {run}");
            // In TLS 1.3 the ticket comes with the answer.
            assert_eq!(client.get(CAPACITY).status, 200);
            if run == 1 {
                authority.renew(|_| {});
                assert!(daemon.reload().contains("is in force"));
            }
        }
        assert_eq!(handshakes(&daemon, "resumed"), already + 2);
    }
}

#[test]
fn no_session_is_kept_beyond_the_last_256() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    let first = authority.client(&[&TLS12]);
    secure(&daemon, &first);
    let resumed = secure(&daemon, &first);
    assert_eq!(resumed.stream.conn.handshake_kind(), Some(HandshakeKind::Resumed));
    drop(resumed);
    let ((), grown) = daemon.process.assert_grows_at_most(256 * KIB, || {
        for _ in 0..256 {
            secure(&daemon, &authority.client(&[&TLS12]));
        }
    });
    println!("256 sessions: {} KiB", grown / KIB);
    assert_eq!(secure(&daemon, &first).stream.conn.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn a_new_pair_is_for_new_connections_and_a_broken_one_is_kept_out() {
    let authority = Authority::new();
    let old = authority.renew(|_| {});
    let daemon = Daemon::with(&authority.section(""));
    daemon.send(STATISTICS, 1);
    let ask = || secure(&daemon, &authority.client(&[&TLS13]));
    let mut open = ask();
    assert_eq!(certificate(&open), old);

    let new = authority.renew(|_| {});
    assert!(daemon.reload().contains("is in force"));
    assert_eq!(certificate(&ask()), new);
    assert_eq!(open.get(CAPACITY).value("capacity"), 4, "an open connection goes on");

    authority.write_key(&KeyPair::generate().unwrap().serialize_pem());
    let logged = daemon.reload();
    let key = authority.file("key.pem");
    assert!(logged.contains("error: reload: ") && logged.contains("pacingd.toml:4: https.key: "), "{logged}");
    assert!(
        logged.contains(key.to_str().unwrap()) && logged.contains("is not the key of the first certificate"),
        "{logged}"
    );
    assert!(logged.ends_with("nothing was changed"), "{logged}");
    assert_eq!(certificate(&ask()), new);
    assert_eq!(metric(&daemon, "pacingd_tls_certificate_reload_successful"), 0);

    fs::remove_file(authority.file("certificate.pem")).unwrap();
    let logged = daemon.reload();
    assert!(logged.contains("https.certificate: ") && logged.contains("cannot be read"), "{logged}");
    assert_eq!(certificate(&ask()), new);

    let newest = authority.renew(|_| {});
    assert!(daemon.reload().contains("is in force"));
    assert_eq!(certificate(&ask()), newest);
    assert_eq!(metric(&daemon, "pacingd_tls_certificate_reload_successful"), 1);
    assert_eq!(open.get(CAPACITY).value("capacity"), 4);
}

#[test]
fn https_that_a_restart_will_bring_is_checked_at_once_and_told_until_then() {
    let authority = Authority::new();
    let daemon = Daemon::with("");
    daemon.write_configuration(&authority.section(""));
    let logged = daemon.reload();
    assert!(logged.contains("https.certificate: ") && logged.ends_with("nothing was changed"), "{logged}");
    authority.renew(|_| {});
    for count in 1..=2 {
        assert!(daemon.reload().contains("is in force"));
        daemon.log.wait_for_the(count, "reload: https.listen, https.certificate, https.key changed; restart to apply");
    }
}

#[test]
fn what_is_no_pair_is_refused_at_start_by_file_and_what_would_be_right() {
    let authority = Authority::new();
    let refused = |want: &[&str]| {
        let file = authority.directory.file("pacingd.toml", &configuration(&authority.section("")));
        for mode in [&["--log", "stderr"][..], &["--check-config"]] {
            let output = run(&[&["--config", file.to_str().unwrap()], mode].concat());
            let printed = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{printed}");
            want.iter().for_each(|want| assert!(printed.contains(want), "want {want:?} in {printed}"));
        }
    };
    let (certificate, key) = (authority.file("certificate.pem"), authority.file("key.pem"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());

    refused(&["pacingd.toml:3: https.certificate: ", certificate, "cannot be read: No such file"]);
    authority.renew(|_| {});
    fs::remove_file(key).unwrap();
    refused(&["pacingd.toml:4: https.key: ", key, "cannot be read: No such file"]);

    authority.renew(|_| {});
    authority.write_key(&KeyPair::generate().unwrap().serialize_pem());
    refused(&["https.key: ", key, certificate, "want the two of one pair"]);

    authority.renew(|_| {});
    let good = fs::read_to_string(key).unwrap();
    authority.directory.file("certificate.pem", &good);
    refused(&["https.certificate: ", certificate, "has no certificate, but PRIVATE KEY; want PEM"]);

    authority.renew(|_| {});
    fs::copy(certificate, key).unwrap();
    refused(&["https.key: ", key, "has no private key, but CERTIFICATE, CERTIFICATE; want PEM"]);
    authority.write_key("");
    refused(&["has no private key, but nothing in PEM"]);

    authority.write_key(&good.replace("PRIVATE", "ENCRYPTED PRIVATE"));
    refused(&["https.key: ", key, "is encrypted; want a key without a passphrase"]);

    authority.write_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    refused(&["https.key: ", key, "cannot be used", "want PEM: a private key, RSA"]);

    authority.directory.file("certificate.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    refused(&["https.certificate: ", certificate, "has a broken certificate"]);
    authority.directory.file("certificate.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n");
    refused(&["https.certificate: ", certificate, "has something else than base64 between its BEGIN and END lines"]);
    authority.directory.file("certificate.pem", &"x".repeat(300_000));
    refused(&["https.certificate: ", certificate, "cannot be read: it has more than 262144 bytes"]);
}

#[test]
fn a_pair_can_be_a_credential_and_without_credentials_is_refused() {
    let authority = Authority::new();
    authority.renew(|_| {});
    let section = "[https]\nlisten = [\"127.0.0.1:0\"]\ncertificate = \"credential:certificate.pem\"\nkey = \"credential:key.pem\"\n";
    let directory = format!("CREDENTIALS_DIRECTORY={}", authority.directory.path().display());
    let daemon = Daemon::start(&["env", &directory], section);
    daemon.log.wait_for("credential:certificate.pem is valid until");
    secure(&daemon, &authority.client(&[&TLS13]));

    let file = authority.directory.file("pacingd.toml", &configuration(section));
    let output = run(&["--config", file.to_str().unwrap(), "--check-config"]);
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{printed}");
    assert!(printed.contains("want LoadCredential=certificate.pem:FILE in the unit"), "{printed}");
}

#[test]
fn a_socket_that_systemd_names_https_speaks_tls() {
    let authority = Authority::new();
    authority.renew(|_| {});
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let held_at = held.local_addr().unwrap();
    // As sd_listen_fds(3) has it: from the third descriptor on, for this process alone.
    let hand_over = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=https exec \"$@\" 3<&0 0</dev/null";
    let daemon = Daemon::start_from(OwnedFd::from(held).into(), &["sh", "-c", hand_over, "sh"], &authority.section(""));
    assert_eq!(address(&daemon), held_at);
    daemon.send(STATISTICS, 1);
    assert_eq!(secure(&daemon, &authority.client(&[&TLS13])).get(CAPACITY).value("capacity"), 4);
    daemon.log.wait_for("https.listen is [127.0.0.1:0], but systemd listens on");
}

#[test]
fn operators_are_told_until_when_the_certificate_is_valid() {
    let authority = Authority::new();
    authority.renew(|params| params.not_after = date_time_ymd(2090, 1, 2));
    let daemon = Daemon::with(&authority.section(""));
    assert_eq!(metric(&daemon, "pacingd_tls_certificate_not_after_timestamp_seconds"), 3_786_998_400);
    let status = Client::connect(daemon.operators).get("/status").json();
    assert_eq!(status["certificateExpires"], "Mon, 02 Jan 2090 00:00:00 GMT");
    daemon.log.wait_for("certificate.pem is valid until Mon, 02 Jan 2090 00:00:00 GMT (days left: ");
    assert!(daemon.log.containing("warning").is_empty(), "{:?}", daemon.log.all());

    let file = authority.directory.file("pacingd.toml", &configuration(&authority.section("")));
    let output = run(&["--config", file.to_str().unwrap(), "--check-config"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("is valid until Mon, 02 Jan 2090 00:00:00 GMT (days left: "), "{printed}");
    let checked = authority.directory.file("checked.toml", &printed);
    let again = run(&["--config", checked.to_str().unwrap(), "--check-config"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), printed, "what is printed is a configuration");
}

#[test]
fn a_certificate_out_of_its_time_is_warned_of_and_served() {
    for (not_before, not_after, want) in [
        (
            date_time_ymd(2020, 1, 1),
            date_time_ymd(2021, 1, 1),
            "expired on Fri, 01 Jan 2021 00:00:00 GMT: browsers refuse it. An expired certificate is still served",
        ),
        (
            date_time_ymd(2080, 1, 1),
            date_time_ymd(2081, 1, 1),
            "is not valid before Mon, 01 Jan 2080 00:00:00 GMT: browsers refuse it",
        ),
    ] {
        let authority = Authority::new();
        authority.renew(|params| (params.not_before, params.not_after) = (not_before, not_after));
        let daemon = Daemon::with(&authority.section(""));
        let line = daemon.log.wait_for(want);
        assert!(line.contains("warning: "), "{line}");
        let refused = try_secure(&daemon, &authority.client(&[&TLS13])).err().unwrap();
        assert!(refused.to_string().contains("certificate"), "{refused}");
        wait_for(1, || handshakes(&daemon, "refused_by_client"));
    }
}

#[test]
fn a_certificate_that_ends_soon_and_a_key_that_all_may_read_are_warned_of() {
    let authority = Authority::new();
    let soon = Duration::from_secs(5 * 24 * 60 * 60 + 60);
    authority.renew(|params| params.not_after = (std::time::SystemTime::now() + soon).into());
    fs::set_permissions(authority.file("key.pem"), Permissions::from_mode(0o644)).unwrap();
    let daemon = Daemon::with(&authority.section(""));
    daemon.log.wait_for("warning: ");
    daemon.log.wait_for(" (days left: 5): renew it, and reload");
    daemon.log.wait_for("key.pem can be read by everyone (mode 644); want 600");
}

/// A connection that has begun a handshake: 22, the version, and a length that never comes true.
fn begun(daemon: &Daemon) -> Client {
    let mut client = Client::connect(address(daemon));
    client.send([22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc, 3, 3]);
    client
}

#[test]
fn who_connects_and_sends_nothing_takes_no_place_for_handshakes() {
    let (authority, daemon) = start("handshakes = 2\nhandshake-timeout = 60");
    daemon.send(STATISTICS, 1);
    let silent = [(); 130].map(|()| Client::connect(address(&daemon)));
    wait_for(130, || metric(&daemon, "pacingd_connections_open{side=\"visitors\"}"));
    assert_eq!(secure(&daemon, &authority.client(&[&TLS13])).get(CAPACITY).value("capacity"), 4);
    assert_eq!(metric(&daemon, "pacingd_tls_handshakes_under_way"), 0);
    assert_eq!((handshakes(&daemon, "full"), handshakes(&daemon, "timed_out")), (1, 0));
    drop(silent);
}

#[test]
fn the_oldest_handshake_that_does_not_go_on_is_dropped_for_a_new_one() {
    let (authority, daemon) = start("handshakes = 2\nhandshake-timeout = 60");
    daemon.send(STATISTICS, 1);
    let mut old = begun(&daemon);
    wait_for(1, || metric(&daemon, "pacingd_tls_handshakes_under_way"));
    let _new = begun(&daemon);
    wait_for(2, || metric(&daemon, "pacingd_tls_handshakes_under_way"));
    let mut client = secure(&daemon, &authority.client(&[&TLS13]));
    assert_eq!(client.get(CAPACITY).value("capacity"), 4);
    let _ = old.rest();
    assert_eq!((handshakes(&daemon, "timed_out"), handshakes(&daemon, "full")), (1, 1));
    assert_eq!(metric(&daemon, "pacingd_tls_handshakes_under_way"), 1);
}

#[test]
fn a_handshake_that_does_not_go_on_ends_in_time() {
    let (_authority, daemon) = start("handshake-timeout = 0.2");
    let mut silent = Client::connect(address(&daemon));
    let mut begun = begun(&daemon);
    for client in [&mut silent, &mut begun] {
        // Closed with unread bytes, the connection is reset.
        assert!(client.rest().is_ok_and(|rest| rest.is_empty()) || client.rest().is_err());
    }
    wait_for(2, || handshakes(&daemon, "timed_out"));
}

#[test]
fn a_thousand_handshakes_begun_and_never_ended_keep_no_plain_or_open_connection_waiting() {
    let raised = Command::new("prlimit").args(["--nofile=4096:", "--pid"]).arg(std::process::id().to_string()).status();
    if !raised.is_ok_and(|status| status.success()) {
        eprintln!("skipped: prlimit cannot give this test 4096 file descriptors");
        return;
    }
    let (authority, daemon) = start("handshake-timeout = 60");
    daemon.send(STATISTICS, 1);
    let mut open = secure(&daemon, &authority.client(&[&TLS13]));
    let (_begun, grown) = daemon.process.assert_grows_at_most(1024 * KIB, || {
        // The beginning of a ClientHello: 22, the version, and a length that never comes true.
        let begin = |_| {
            let mut stream = connect(address(&daemon));
            stream.write_all(&[22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc, 3, 3]).unwrap();
            stream
        };
        let begun: Vec<_> = (0..1000).map(begin).collect();
        wait_for(32, || metric(&daemon, "pacingd_tls_handshakes_under_way"));
        for _ in 0..100 {
            assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4);
            assert_eq!(open.get(CAPACITY).value("capacity"), 4);
        }
        begun
    });
    println!("1000 handshakes begun and never ended: {} KiB", grown / KIB);
    assert_eq!(metric(&daemon, "pacingd_tls_handshakes_under_way"), 32);
}

#[test]
fn handshakes_that_fail_and_do_not_go_away_keep_nobody_out() {
    let authority = Authority::new();
    authority.renew(|_| {});
    let more = authority.section("handshakes = 2") + "[http.limits]\nconnections = 6\n";
    let daemon = Daemon::with(&more);
    daemon.send(STATISTICS, 1);
    // Each is refused at once, and then has a second to close its side. One that had sent nothing
    // yet when another one connects would be closed for it.
    let refused = |_| {
        let mut client = Client::connect(address(&daemon));
        client.send([0; 100]);
        assert!(client.rest().unwrap().starts_with('\u{15}'), "an alert");
        client
    };
    let failed: Vec<_> = (0..12).map(refused).collect();
    wait_for(12, || handshakes(&daemon, "malformed"));
    let mut clients = [(); 3].map(|()| Client::connect(daemon.http));
    clients.iter_mut().for_each(|client| assert_eq!(client.get(CAPACITY).value("capacity"), 4));
    drop(failed);
}

#[test]
fn what_is_not_tls_gets_an_answer_that_says_so_or_is_counted() {
    let (authority, daemon) = start("");
    let mut client = Client::connect(address(&daemon));
    let detail = client.get(CAPACITY).problem(400);
    assert!(detail.contains("want https://"), "{detail}");
    client.assert_closed();
    assert_eq!(handshakes(&daemon, "plain_http"), 1);

    let mut client = Client::connect(address(&daemon));
    client.send([0; 100]);
    assert!(client.rest().unwrap().starts_with('\u{15}'), "an alert");
    wait_for(1, || handshakes(&daemon, "malformed"));

    let mut only_h2 = ClientConfig::clone(&authority.client(&[&TLS13]));
    only_h2.alpn_protocols = vec![b"h2".to_vec()];
    let refused = try_secure(&daemon, &Arc::new(only_h2)).err().unwrap();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    wait_for(1, || handshakes(&daemon, "incompatible"));

    drop(connect(address(&daemon)));
    wait_for(1, || handshakes(&daemon, "closed"));
    assert_eq!(daemon.log.containing("handshake"), Vec::<String>::new(), "outsiders do not fill the log");
}

#[test]
fn failed_handshakes_are_logged_once_a_minute_where_the_level_is_debug() {
    let (_authority, daemon) = start("[log]\nlevel = \"debug\"");
    for failed in 1..=3 {
        let mut client = Client::connect(address(&daemon));
        client.send([0; 100]);
        let _ = client.rest();
        wait_for(failed, || handshakes(&daemon, "malformed"));
    }
    daemon.log.wait_for("a TLS handshake failed");
    assert_eq!(daemon.log.containing("a TLS handshake failed").len(), 1);
}

#[test]
fn a_handshake_under_way_does_not_hold_up_the_end() {
    let (_authority, mut daemon) = start("handshake-timeout = 60");
    let _begun = begun(&daemon);
    wait_for(1, || metric(&daemon, "pacingd_tls_handshakes_under_way"));
    daemon.process.signal("TERM");
    assert!(daemon.process.wait().success());
    daemon.log.wait_for("stopped");
    // What is logged of answers that take longer than five seconds.
    assert!(daemon.log.containing("not finished").is_empty());
}

#[test]
fn open_tls_connections_take_little_memory_and_give_it_back_to_the_next() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    let config = authority.client(&[&TLS13]);
    // A first connection touches what is used by all.
    secure(&daemon, &config).get(CAPACITY);
    let open = || {
        let mut clients: Vec<_> = (0..240).map(|_| secure(&daemon, &config)).collect();
        clients.iter_mut().for_each(|client| assert_eq!(client.get(CAPACITY).status, 200));
        let resident = daemon.process.resident();
        drop(clients);
        wait_for(0, || metric(&daemon, "pacingd_connections_open{side=\"visitors\"}"));
        resident
    };
    let before = daemon.process.resident();
    let [first, second, third] = [(); 3].map(|()| open());
    println!("{:.1} KiB for each of 240 open TLS connections", first.saturating_sub(before) as f64 / 240.0 / 1024.0);
    // Emulated, the daemon's memory is mostly the emulator's.
    if std::env::var_os("PACINGD_TEST_RUNNER").is_none() {
        assert!(first <= before + 240 * 24 * KIB, "{first} bytes, {before} before");
        // The second crowd finds the sessions of the first between what it left; the third finds
        // what the second left.
        assert!(third <= second + 512 * KIB, "{third} bytes, the second time {second}");
    }
}

#[test]
fn records_begun_and_never_ended_take_bounded_memory_and_keep_nobody_waiting() {
    let (authority, daemon) = start("");
    daemon.send(STATISTICS, 1);
    let config = authority.client(&[&TLS13]);
    secure(&daemon, &config).get(CAPACITY);
    let (_clients, grown) = daemon.process.assert_grows_at_most(240 * 44 * KIB, || {
        let mut clients: Vec<_> = (0..240).map(|_| secure(&daemon, &config)).collect();
        for client in &mut clients {
            // The longest record that there is, but for its last byte.
            client.stream.sock.write_all(&[&[23, 3, 3, 0x41, 0], &[0; 0x40ff][..]].concat()).unwrap();
        }
        // The last of them was read when another connection has had its turn.
        for _ in 0..10 {
            assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4);
        }
        clients
    });
    println!("{:.1} KiB for each of 240 TLS connections with most of a record", grown as f64 / 240.0 / 1024.0);
    assert!(grown > 240 * 16 * KIB, "{grown} bytes: the records have not come");
}

/// Every short run of a key, in every spelling in which output could show it: base64, decimal and
/// hexadecimal numbers.
fn runs(base64: &str, der: &[u8]) -> Vec<String> {
    // 8 characters of base64 are 6 bytes; what the daemon says of its own has no such run in common
    // with a key.
    let mut runs: Vec<String> =
        base64.as_bytes().windows(8).map(|run| String::from_utf8(run.into()).unwrap()).collect();
    for run in base64.as_bytes().windows(4).chain(der.windows(4)) {
        let spelled = |byte: fn(&u8) -> String, between: &str| run.iter().map(byte).collect::<Vec<_>>().join(between);
        runs.extend([
            spelled(u8::to_string, ", "),
            spelled(u8::to_string, " "),
            spelled(|byte| format!("{byte:02x}"), ""),
            spelled(|byte| format!("{byte:02X}"), ""),
            spelled(|byte| format!("{byte:02x}"), ":"),
            spelled(|byte| format!("0x{byte:02x}"), ", "),
            spelled(|byte| format!("\\x{byte:02x}"), ""),
        ]);
    }
    runs
}

/// What people and programs make of a key's file, and what a file system may.
fn broken(pem: &str, der: &[u8]) -> Vec<(String, Vec<u8>)> {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut all: Vec<(String, Vec<u8>)> = [
        ("without line breaks", pem.replace('\n', "")),
        ("blanks for line breaks", pem.replace('\n', " ")),
        ("\\\\n for line breaks", pem.replace('\n', "\\n")),
        ("carriage returns for line breaks", pem.replace('\n', "\r")),
        ("base64 alone", base64.clone()),
        ("base64 as label", format!("-----BEGIN {base64}-----\nAAAA\n-----END {base64}-----\n")),
        ("base64 behind the label", pem.replacen("KEY-----", &format!("KEY-----{base64}"), 1)),
        ("no END line", pem.split("-----END").next().unwrap().to_owned()),
        ("no BEGIN line", pem.split_once('\n').unwrap().1.to_owned()),
        ("no dashes at BEGIN", pem.replacen("KEY-----", "KEY", 1)),
        ("as a certificate", pem.replace("PRIVATE KEY", "CERTIFICATE")),
        ("as another key", pem.replace("PRIVATE KEY", "EC PRIVATE KEY")),
        ("as a public key", pem.replace("PRIVATE KEY", "PUBLIC KEY")),
        ("quoted", format!("{pem:?}")),
        ("in JSON", format!("{{\"key\": {pem:?}}}")),
        ("in TOML", format!("key = \"\"\"\n{pem}\"\"\"\n")),
        ("UTF-16", pem.chars().map(|character| format!("{character}\0")).collect()),
    ]
    .map(|(case, text)| (case.to_owned(), text.into_bytes()))
    .into();
    all.push(("DER".into(), der.to_vec()));
    for step in 0..40 {
        let at = 1 + step * (pem.len() - 2) / 40;
        all.push((format!("cut at {at}"), pem.as_bytes()[..at].to_vec()));
        all.push((format!("from {at} on"), pem.as_bytes()[at..].to_vec()));
        for byte in [b'?', b'\0', b'-', b'=', b' ', b'\n', 0xff] {
            let mut text = pem.as_bytes().to_vec();
            text[at] = byte;
            all.push((format!("{byte} at {at}"), text));
        }
    }
    all
}

#[test]
fn whatever_is_wrong_with_a_key_none_of_it_is_shown() {
    let authority = Authority::new();
    authority.renew(|_| {});
    let pem = fs::read_to_string(authority.file("key.pem")).unwrap();
    let der = KeyPair::from_pem(&pem).unwrap().serialize_der();
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let runs = runs(&base64, &der);
    let certificate = fs::read(authority.file("certificate.pem")).unwrap();
    let file = authority.directory.file("pacingd.toml", &configuration(&authority.section("")));
    let check = |case: &str, want: &str| {
        let output = run(&["--config", file.to_str().unwrap(), "--check-config"]);
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        // Another byte between the lines, or behind them, may leave a key that can be used.
        assert!(matches!(output.status.code(), Some(0 | 78)), "{case}: {printed}");
        assert!(printed.contains(want), "{case}: want {want:?} in {printed}");
        let shown = runs.iter().find(|run| printed.contains(*run));
        assert_eq!(shown, None, "{case}: {printed}");
        output.status.code() == Some(78)
    };
    let mut refused = 0;
    let cases = broken(&pem, &der);
    for (case, content) in &cases {
        fs::write(authority.file("key.pem"), content).unwrap();
        let is_one_line =
            ["without line breaks", "blanks for line breaks", "\\\\n for line breaks"].contains(&case.as_str());
        let want = if is_one_line { "key.pem has no line break after its BEGIN line" } else { "" };
        refused += usize::from(check(case, want));
        fs::write(authority.file("key.pem"), &pem).unwrap();
        fs::write(authority.file("certificate.pem"), content).unwrap();
        assert!(check(&format!("{case}, as certificate"), "https.certificate"), "{case}");
        fs::write(authority.file("certificate.pem"), &certificate).unwrap();
    }
    assert!(refused > cases.len() * 9 / 10, "{refused} of {}", cases.len());
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let authority = Authority::new();
    authority.renew(|_| {});
    let daemon = Daemon::with(&authority.section(""));
    daemon.send(STATISTICS, 1);
    for name in ["certificate.pem", "key.pem"] {
        let file = authority.file(name);
        fs::remove_file(&file).unwrap();
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        let line = daemon.reload();
        assert!(line.contains(&format!("{name} cannot be read: it is not a regular file")), "{line}");
        assert!(line.ends_with("nothing was changed"), "{line}");
        fs::remove_file(&file).unwrap();
        authority.renew(|_| {});
    }
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4);
}
