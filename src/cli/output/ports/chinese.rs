//! Which socket gets a datagram, in Chinese.

use udpraw::ports::{DeliveryCase, Receiver, Socket, Target, Why};

use super::delivery::{list, name};
use super::notes::device;

pub(super) fn heading(port: u16) -> String {
    format!("端口 {port}：谁收到数据报")
}

pub(super) fn connected(sockets: usize) -> String {
    format!("  来自已连接套接字的对端：那个套接字（共 {sockets} 个）")
}

pub(super) fn case(case: &DeliveryCase, sockets: &[Socket]) -> String {
    let receiver = receiver(sockets, &case.receiver);
    let to = match case.to {
        Target::Address(address) => address.to_string(),
        Target::Group(group) => format!("{group}（组播）"),
        Target::Broadcast => "广播地址".into(),
        Target::AnyOther(family) => format!("其他 {family} 地址"),
        _ => "其他地址".into(),
    };
    match case.device {
        Some(index) => format!("  发往 {} 接口上的 {to}：{receiver}", device(index)),
        None => format!("  发往 {to}：{receiver}"),
    }
}

pub(super) fn more_cases(more: usize) -> String {
    format!("  另有 {more} 种情形")
}

pub(super) fn more_ports(more: usize) -> String {
    format!("另有 {more} 个端口也有多个套接字：指明端口就能看到谁收到数据报")
}

fn reason(why: &Why) -> &'static str {
    match why {
        Why::Connected => "已连接",
        Why::Address => "绑定到该地址",
        Why::Wildcard => "通配地址",
        _ => "最匹配",
    }
}

#[rustfmt::skip]
fn receiver(sockets: &[Socket], receiver: &Receiver) -> String {
    match receiver {
        Receiver::Nobody => "没有套接字：由 ICMP 拒绝".into(),
        Receiver::Each { sockets: each } if each.is_empty() => "没有套接字，也没有 ICMP 错误".into(),
        Receiver::Each { sockets: each } if each.len() == 1 => list(sockets, each),
        Receiver::Each { sockets: each } => format!("{} 个套接字各得一份：{}", each.len(), list(sockets, each)),
        Receiver::One { socket, why, of: 1 } => format!("{}（{}）", name(&sockets[*socket]), reason(why)),
        Receiver::One { socket, why, of } => format!("{}（{}，{of} 个中最后绑定的）", name(&sockets[*socket]), reason(why)),
        Receiver::ByHash { group, why } => format!("按流的散列值交给 {} 个之一（{}，reuseport）：{}", group.len(), reason(why), list(sockets, group)),
        Receiver::Unknown { among, why } => format!("{} 个之一（{}；从外面看不出是哪个）：{}", among.len(), reason(why), list(sockets, among)),
        _ => "未知".into(),
    }
}
