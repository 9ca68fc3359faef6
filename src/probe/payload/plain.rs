//! The small services: echo (RFC 862), daytime (867), time (868), syslog (5424), SIP (3261), SSDP
//! (UPnP Device Architecture section 1.3), and this program's own server.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::text::{Quoted, first_line, header, hex};
use super::{Asked, Nonce, Reading};

/// The payload for echo and for `udpraw server`.
pub(super) fn words(nonce: &Nonce) -> Vec<u8> {
    format!("udpraw probe {}", hex(&nonce[..8])).into_bytes()
}

/// A message of the lowest severity (local7.debug) that describes itself.
pub(super) fn syslog_question() -> Vec<u8> {
    b"<191>1 - - udpraw - - - udpraw probe: please ignore".to_vec()
}

pub(super) fn sip_question(target: SocketAddr, nonce: &Nonce) -> Vec<u8> {
    let host = match target.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let (port, id) = (target.port(), hex(nonce));
    // `rport` directs the reply to the source of the request (RFC 3581), so that the address in `Via`,
    // which an unbound socket does not know, does not matter.
    format!(
        "OPTIONS sip:{host}:{port} SIP/2.0\r\n\
         Via: SIP/2.0/UDP probe.invalid;branch=z9hG4bK{id};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:udpraw@probe.invalid>;tag={id}\r\n\
         To: <sip:{host}:{port}>\r\nCall-ID: {id}@probe.invalid\r\nCSeq: 1 OPTIONS\r\n\
         Contact: <sip:udpraw@probe.invalid>\r\nAccept: application/sdp\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

pub(super) fn read_sip(reply: &[u8], nonce: &Nonce) -> Reading {
    let Some(status) = first_line(reply).strip_prefix(b"SIP/2.0 ") else {
        return Reading::foreign("not a SIP response");
    };
    let mut text = format!("SIP {}", Quoted(status));
    let agent = header(reply, "Server").or_else(|| header(reply, "User-Agent"));
    if let Some(agent) = agent {
        text += &format!(" by {}", Quoted(agent));
    }
    let call = header(reply, "Call-ID").or_else(|| header(reply, "i"));
    let is_ours = call.is_some_and(|call| call.starts_with(hex(nonce).as_bytes()));
    Reading::by_id(text, is_ours)
}

pub(super) fn ssdp_question(target: SocketAddr) -> Vec<u8> {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {target}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
         ST: ssdp:all\r\nUSER-AGENT: udpraw/1 UPnP/1.1 probe/1\r\n\r\n"
    )
    .into_bytes()
}

pub(super) fn read_ssdp(reply: &[u8]) -> Reading {
    let line = first_line(reply);
    if !line.starts_with(b"HTTP/1.") {
        return Reading::foreign("not an SSDP response");
    }
    let mut text = format!("SSDP {}", Quoted(line));
    for name in ["SERVER", "ST"] {
        if let Some(value) = header(reply, name) {
            text += &format!(", {name} {}", Quoted(value));
        }
    }
    Reading::plausible(text)
}

pub(super) fn read_echo(reply: &[u8], nonce: &Nonce) -> Reading {
    if reply == words(nonce) {
        return Reading::answer("echo of the same bytes");
    }
    Reading::foreign("not an echo of the request")
}

pub(super) fn read_own(reply: &[u8], nonce: &Nonce) -> Reading {
    let length = words(nonce).len();
    if reply.starts_with(format!("Your data was {length} bytes long").as_bytes()) {
        return Reading::plausible("udpraw server, or the textbook's server");
    }
    read_echo(reply, nonce)
}

pub(super) fn read_daytime(reply: &[u8]) -> Reading {
    let is_text = |&byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if reply.is_empty() || !reply.iter().all(is_text) {
        return Reading::foreign("not daytime: not a line of text");
    }
    Reading::plausible(format!("daytime {}", Quoted(first_line(reply))))
}

/// Seconds since 1900 (RFC 868), which wrap in 2036.
pub(super) fn read_time(reply: &[u8], asked: &Asked) -> Reading {
    let Ok(seconds) = <[u8; 4]>::try_from(reply) else {
        return Reading::foreign("not time: not 4 bytes");
    };
    let here = asked
        .received
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let here = here.as_secs().wrapping_add(2_208_988_800) as u32;
    let ahead = u32::from_be_bytes(seconds).wrapping_sub(here).cast_signed();
    Reading::plausible(format!("time, offset {ahead:+} s"))
}

#[cfg(test)]
mod tests {
    use super::super::Fit;
    use super::*;

    const NONCE: Nonce = [1; 16];

    #[test]
    fn answers_and_others() {
        let sip = format!(
            "SIP/2.0 200 OK\r\nServer: x\r\ncall-id: {}@probe.invalid\r\n",
            hex(&NONCE)
        );
        let reading = read_sip(sip.as_bytes(), &NONCE);
        assert_eq!(
            (reading.text.as_str(), reading.fit),
            ("SIP '200 OK' by 'x'", Fit::Answer)
        );
        assert_eq!(
            read_sip(b"SIP/2.0 200 OK\r\n\r\n", &NONCE).fit,
            Fit::Foreign
        );
        assert_eq!(read_echo(&words(&NONCE), &NONCE).fit, Fit::Answer);
        assert_eq!(
            read_own(b"Your data was 29 bytes long", &NONCE).fit,
            Fit::Plausible
        );
        assert_eq!(
            read_own(b"Your data was 28 bytes long", &NONCE).fit,
            Fit::Foreign
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let asked = Asked {
            nonce: NONCE,
            sent: now,
            received: now,
        };
        let theirs = (1_800_000_000_u64 + 2_208_988_800 + 5) as u32;
        assert_eq!(
            read_time(&theirs.to_be_bytes(), &asked).text,
            "time, offset +5 s"
        );
    }
}
