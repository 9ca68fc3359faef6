//! The chapter "What UDP leaves to you" in Chinese.

use std::net::SocketAddr;

use super::Chinese;
use crate::cli::learn::text::{Unreliable, Words};

#[rustfmt::skip]
impl Unreliable for Chinese {
    fn loss(&self) -> Words {
        Words {
            title: "丢包",
            claim: "UDP 把丢包问题留给程序自己处理。",
            question: "十个数据报经过一个丢一半的网络。对丢掉的那个，sendto 返回什么？",
            choices: ["错误", "成功", "成功，下一次调用才报错"],
            attempt: "在两个程序之间放一个这样的网络",
        }
    }
    fn loss_sent(&self, sent: usize) -> String { format!("{sent} 次 sendto 全部成功：内核已经接过了数据报。") }
    fn loss_arrived(&self, arrived: usize, sent: usize, lost: u64) -> String { format!("{sent} 个中到达了 {arrived} 个；网络丢了 {lost} 个。没有谁告诉发送者。") }

    fn duplicates(&self) -> Words {
        Words {
            title: "重复",
            claim: "UDP 把重复的包留给程序自己处理。",
            question: "客户端经过一个会重复的网络发送一次“add 10”。服务器收到多少就加多少。账户里有多少？",
            choices: ["10", "20", "0：内核把两份都丢了"],
            attempt: "让两个程序之间的每个数据报都重复",
        }
    }
    fn duplicates_arrived(&self, sent: usize, arrived: usize) -> String { format!("发送了 {sent} 个数据报，到达了 {arrived} 个：每个字节都相同，发送者也相同。") }
    fn duplicates_executed(&self, account: i64, expected: i64) -> String { format!("逐个执行请求的服务器，账户里现在是 {account}，而不是 {expected}。只有请求里的编号才能区分副本和第二个请求。") }

    fn disorder(&self) -> Words {
        Words {
            title: "乱序",
            claim: "UDP 把包的乱序问题留给程序自己处理。",
            question: "程序依次发送 1、2、3、4、5、6，网络耽搁了其中几个。recvfrom 按什么顺序返回？",
            choices: ["按发送的顺序", "按到达的顺序", "按内容排序"],
            attempt: "打乱两个程序之间数据报的顺序",
        }
    }
    fn disorder_orders(&self, sent: &str, arrived: &str) -> String { format!("发送：{sent}。接收：{arrived}。UDP 没有序号；需要顺序的程序必须自己给数据报编号。") }

    fn corruption(&self) -> Words {
        Words {
            title: "差错与校验和",
            claim: "传输中的差错需要修复。UDP 只有 16 位校验和，不符的就丢弃。",
            question: "途中的设备改了一个比特，又重新算了 UDP 校验和。接收方看到什么？",
            choices: ["什么也没有：数据报被丢弃", "一个错误", "错误的数据，就像正确的一样"],
            attempt: "给请求和应答加上自己的校验和",
        }
    }
    fn corruption_arrived(&self, sent: &str, arrived: &str) -> String { format!("发送的是“{sent}”，收到的是“{arrived}”。途中的中继发出的是它自己的数据报，校验和是对的。") }
    fn corruption_same_sum(&self, first: &str, second: &str, sum: u16) -> String { format!("这个校验和本身也弱：“{first}”和“{second}”的和都是 {sum:#06x}，它看不出字的调换。") }
    fn corruption_crc(&self, first: u32, second: u32) -> String { format!("CRC 能区分它们：{first:#010x} 和 {second:#010x}。") }

    fn danger(&self) -> Words {
        Words {
            title: "危险！应答可能来自任何人",
            claim: "教科书的客户端把最先到达的数据报当作应答，不管是谁发的：“Danger! See Chapter 2”。",
            question: "客户端询问服务器。服务器还没回答，一个陌生人就向客户端的端口发了一个数据报。recvfrom 先返回什么？",
            choices: ["陌生人的数据报", "服务器的应答", "一个错误"],
            attempt: "看看谨慎的客户端怎样对待陌生人",
        }
    }
    fn danger_believed(&self, text: &str, forger: SocketAddr, server: SocketAddr) -> String { format!("客户端问的是 {server}，recvfrom 返回的却是 {forger} 发来的“{text}”。不比较发送者的客户端就会相信它。") }
    fn danger_connected(&self, server: SocketAddr) -> String { format!("第二个客户端先调用了 connect({server})。伪造者又抢在服务器之前向它发送。") }
    fn danger_cured(&self, text: &str) -> String { format!("这次 recvfrom 返回的是“{text}”：不是来自已连接对端的数据报，内核都丢弃了。") }

    fn ids(&self) -> Words {
        Words {
            title: "请求编号：更好的办法",
            claim: "每个请求带一个随机编号，就知道应答对应哪个请求。发送者没错，应答也可能是旧的。",
            question: "客户端放弃了请求 1，发出请求 2。这时正确的服务器对 1 的应答迟到了。没有编号的客户端会怎样？",
            choices: ["丢弃这个应答", "继续等 2 的应答", "把旧应答当作新的"],
            attempt: "两边都使用随机编号和校验和",
        }
    }
    fn ids_late(&self, text: &str) -> String { format!("请求 2 发出之后，recvfrom 先返回了“{text}”：服务器是对的，应答是错的。") }
    fn ids_matched(&self, id: u32, ignored: usize) -> String { format!("客户端比较编号，忽略了 {ignored} 个旧应答，接受了编号 {id} 的应答。伪造者必须猜中编号，而实际使用的编号是随机的。") }

    fn backoff(&self) -> Words {
        Words {
            title: "重试，但每次等得更久",
            claim: "客户端无法知道丢的是请求还是应答。它再问一次，等待时间加倍，到一定时候放弃。",
            question: "一直没有应答。为什么每次重试都要等两倍的时间？",
            choices: ["为了省电", "免得许多客户端淹没已经过载的网络", "因为内核禁止快速重发"],
            attempt: "观察客户端重试并放弃",
        }
    }
    fn backoff_attempt(&self, attempt: u32, waited_ms: u64) -> String { format!("第 {attempt} 次尝试：{waited_ms} 毫秒之内没有应答。") }
    fn backoff_gave_up(&self, attempts: u32, total_ms: u64) -> String { format!("尝试 {attempts} 次、共 {total_ms} 毫秒之后，客户端放弃了：永远等下去的客户端等于没有。") }

    fn tcp(&self) -> Words {
        Words {
            title: "TCP 两件事都做",
            claim: "TCP 同样用端口多路复用，并且保证数据流完整有序；接收端会把数据重组。",
            question: "程序向 TCP 套接字先写“one ”，再写“two”。对方过后只读一次，得到什么？",
            choices: ["“one ”，下一次读到“two”", "“one two”", "“two”"],
            attempt: "与 UDP 比较：发送两次就是两个数据报",
        }
    }
    fn tcp_one_read(&self, writes: usize, text: &str) -> String { format!("TCP：写 {writes} 次，读一次：“{text}”。各次写之间的边界没有了；字节完整而且有序。") }
    fn tcp_udp_beside(&self, sends: usize, receives: usize) -> String { format!("对照 UDP：发送 {sends} 次，就要接收 {receives} 次。每个数据报都保留自己的边界。") }
}
