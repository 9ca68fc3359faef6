//! The verdicts of a probe in Chinese, each a whole sentence.

use std::net::IpAddr;
use std::time::Duration;

use udpraw::language::Language;
use udpraw::probe::{Evidence, Finding, Target, Verdict, icmp_name};

use super::{Question, decoded};

/// The verdict about a target.
#[rustfmt::skip]
pub(super) fn sentence(target: &Target, finding: &Finding) -> String {
    let address = target.address;
    let after = finding.after.unwrap_or(Duration::ZERO);
    match (&finding.evidence, finding.verdict) {
        (Evidence::Reply(reply), Verdict::WrongSource) => format!("别的地址作了应答：{after:.1?} 之后收到 {} 的 {} 字节（{}）", reply.source, reply.length, decoded(reply)),
        (Evidence::Reply(reply), _) if reply.source != address => format!("开放：{after:.1?} 之后收到 {} 的 {} 字节应答（{}）", reply.source, reply.length, decoded(reply)),
        (Evidence::Reply(reply), _) => format!("开放：{after:.1?} 之后收到 {} 字节应答（{}）", reply.length, decoded(reply)),
        (Evidence::Icmp { error, is_own }, verdict) => {
            let message = icmp_name(error.origin, error.icmp_type, error.icmp_code);
            let verdict = word(verdict);
            match error.offender.map(|offender| offender.ip()) {
                Some(by) if *is_own => format!("{verdict}：{after:.1?} 之后由本机（{by}）报告 ICMP {message}"),
                Some(by) if by != address.ip() => format!("{verdict}：{after:.1?} 之后由 {by}（不是被探测的主机）报告 ICMP {message}"),
                Some(by) => format!("{verdict}：{after:.1?} 之后由 {by} 报告 ICMP {message}"),
                None => format!("{verdict}：{after:.1?} 之后收到 ICMP {message}"),
            }
        }
        (Evidence::Send(errno), verdict) => format!("{}：本机无法向那里发送：{}。{}", word(verdict), Language::Chinese.errno(*errno), remedy(*errno, address.ip())),
        (Evidence::Nothing, _) => silence(target, finding),
        (_, verdict) => word(verdict).to_owned(),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Open => "开放",
        Verdict::Closed => "关闭",
        Verdict::Silent => "没有回应",
        Verdict::WrongSource => "由别的地址应答",
        other => other.name(),
    }
}

#[rustfmt::skip]
fn silence(target: &Target, finding: &Finding) -> String {
    let (tries, elapsed) = (finding.tries, finding.elapsed);
    match &target.payload {
        question if !question.has_answer() => format!("没有回应：{elapsed:.1?} 内试了 {tries} 次（不能断定）；{question} 本来就没有应答，开放的端口也不出声"),
        Question::Empty | Question::Bytes(_) => format!("没有回应：{elapsed:.1?} 内试了 {tries} 次（不能断定）；端口可能对别的协议开放，可能关闭或被过滤，数据报也可能丢了"),
        question => format!("没有回应：{elapsed:.1?} 内试了 {tries} 次（不能断定）；没有 {question} 服务应答，但端口可能对别的协议开放，可能关闭或被过滤，数据报也可能丢了"),
    }
}

fn remedy(errno: i32, target: IpAddr) -> &'static str {
    match (errno, target) {
        (libc::EPERM, _) => "防火墙规则禁止（nft list ruleset）",
        (libc::EACCES, _) => "路由禁止（ip route get），或者是广播地址",
        (libc::EINVAL, IpAddr::V6(ip)) if ip.is_unicast_link_local() => {
            "链路本地地址要写明接口，例如 fe80::1%eth0"
        }
        (libc::EAFNOSUPPORT, _) => "这个内核不支持该协议",
        (libc::EADDRNOTAVAIL, _) => "本机没有可用的源地址（ip address；IPv6 可能已禁用）",
        (libc::EINVAL, _) => "黑洞路由（ip route get）",
        _ => "没有路由（ip route get）",
    }
}

/// How many rounds were answered, and how fast.
pub(super) fn rounds(finding: &Finding, times: Option<[Duration; 3]>) -> String {
    let (answered, rounds) = (finding.answered, finding.rounds);
    match times {
        Some([min, median, max]) => format!(
            "  {rounds} 次中应答 {answered} 次；往返时间最小 {min:.1?}，中位 {median:.1?}，最大 {max:.1?}\n"
        ),
        None => format!("  {rounds} 次中应答 {answered} 次\n"),
    }
}
