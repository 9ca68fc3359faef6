//! The languages in which udpraw explains.
//!
//! A sentence is a value with typed arguments (a number, an address), and each language has a file that
//! matches on all values: a sentence without a translation does not compile. No sentence is joined from
//! parts that another language would order differently. Names of calls, options, flags and errnos, and
//! all JSON, are the same in every language.

/// A language of explanations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Language {
    /// English
    #[default]
    #[cfg_attr(feature = "cli", value(name = "en"))]
    English,
    /// Chinese (simplified)
    #[cfg_attr(feature = "cli", value(name = "zh"))]
    Chinese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its tag (BCP 47), as `--lang` takes it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    /// The language of a locale as `LANG` has it (`zh_CN.UTF-8`, `C`); `None` for one that udpraw does
    /// not speak.
    ///
    /// ```
    /// # #[cfg(feature = "extras")] {
    /// use udpraw::language::Language;
    /// assert_eq!(Language::of_locale("zh_TW.UTF-8"), Some(Language::Chinese));
    /// assert_eq!(Language::of_locale("C.UTF-8"), Some(Language::English));
    /// assert_eq!(Language::of_locale("fr_FR"), None);
    /// # }
    /// ```
    pub fn of_locale(locale: &str) -> Option<Self> {
        let tag = locale.split(['_', '.', '@', '-']).next();
        match tag.unwrap_or_default().to_ascii_lowercase().as_str() {
            "" if !locale.is_empty() => None,
            "" | "c" | "posix" | "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// An errno in words and by name: `connection refused (ECONNREFUSED)`.
    pub fn errno(self, errno: i32) -> String {
        match self {
            Self::English => crate::error::describe_errno(errno),
            Self::Chinese => {
                let name = crate::error::errno_name(errno);
                match chinese_errno(errno) {
                    Some(words) => format!("{words}（{name}）"),
                    None => name,
                }
            }
        }
    }
}

/// The errnos that socket calls return, in words; the others are shown by name.
fn chinese_errno(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EPERM => "操作不被允许",
        libc::ENOENT => "文件不存在",
        libc::ESRCH => "进程不存在",
        libc::EINTR => "被信号打断",
        libc::EIO => "输入输出错误",
        libc::ENOEXEC => "不是可执行的程序",
        libc::EBADF => "描述符无效",
        libc::EAGAIN => "暂时没有数据",
        libc::ENOMEM => "内存不足",
        libc::EACCES => "没有权限",
        libc::EFAULT => "内存地址无效",
        libc::EINVAL => "参数无效",
        libc::EMFILE => "打开的文件太多",
        libc::EPIPE => "管道已断开",
        libc::ENOSYS => "内核没有这个调用",
        libc::ENOTSOCK => "描述符不是套接字",
        libc::EDESTADDRREQ => "缺少目标地址",
        libc::EMSGSIZE => "数据报太长",
        libc::EPROTOTYPE => "协议类型不符",
        libc::ENOPROTOOPT => "没有这个选项",
        libc::EPROTONOSUPPORT => "不支持这个协议",
        libc::EOPNOTSUPP => "不支持这个操作",
        libc::EAFNOSUPPORT => "不支持这个地址族",
        libc::EADDRINUSE => "地址已被占用",
        libc::EADDRNOTAVAIL => "本机没有这个地址",
        libc::ENETDOWN => "网络未启用",
        libc::ENETUNREACH => "没有通往该网络的路由",
        libc::ECONNABORTED => "连接被中止",
        libc::ECONNRESET => "连接被对方重置",
        libc::ENOBUFS => "缓冲区不足",
        libc::EISCONN => "套接字已连接",
        libc::ENOTCONN => "套接字未连接",
        libc::ETIMEDOUT => "超时",
        libc::ECONNREFUSED => "连接被拒绝",
        libc::EHOSTDOWN => "主机未启用",
        libc::EHOSTUNREACH => "没有通往该主机的路由",
        libc::EINPROGRESS => "操作正在进行",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_a_language_whatever_its_form() {
        for locale in ["zh", "zh_CN", "zh_CN.UTF-8", "zh-Hans", "ZH_cn@x"] {
            assert_eq!(Language::of_locale(locale), Some(Language::Chinese));
        }
        for locale in ["", "C", "POSIX", "en_GB.UTF-8", "C.UTF-8"] {
            assert_eq!(Language::of_locale(locale), Some(Language::English));
        }
        for locale in ["de_DE", "ja_JP.eucJP", "../../zh"] {
            assert_eq!(Language::of_locale(locale), None, "{locale}");
        }
        for language in Language::ALL {
            assert_eq!(Language::of_locale(language.tag()), Some(language));
        }
    }

    #[test]
    fn an_errno_keeps_its_name() {
        let of = |errno| Language::Chinese.errno(errno);
        assert_eq!(of(libc::ECONNREFUSED), "连接被拒绝（ECONNREFUSED）");
        assert_eq!(of(libc::EXDEV), "EXDEV");
    }
}
