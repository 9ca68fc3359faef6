//! One page of metrics, by the crate prometheus-client.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::Distribution;

/// The name, unit and help of metrics of one kind. Counters get the suffix `_total`.
#[derive(Debug)]
pub(crate) struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
}

impl Family {
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Self {
        let unit = None;
        Self { name, help, unit }
    }

    /// A family whose values are bytes; `name` is without the unit, which is its suffix.
    pub(crate) const fn bytes(name: &'static str, help: &'static str) -> Self {
        let unit = Some(Unit::Bytes);
        Self { name, help, unit }
    }

    /// A family whose values are seconds; `name` is without the unit.
    pub(crate) const fn seconds(name: &'static str, help: &'static str) -> Self {
        let unit = Some(Unit::Seconds);
        Self { name, help, unit }
    }
}

/// Where a command writes its metrics.
pub(crate) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// A counter without labels.
    pub(crate) fn counter(&mut self, family: &Family, value: u64) -> fmt::Result {
        let metric = ConstCounter::new(value);
        metric.encode(self.describe(family, MetricType::Counter)?)
    }

    /// A counter for each set of labels.
    pub(crate) fn counters<L: EncodeLabelSet>(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.describe(family, MetricType::Counter)?;
        samples.into_iter().try_for_each(|(labels, value)| {
            ConstCounter::new(value).encode(encoder.encode_family(&labels)?)
        })
    }

    /// A gauge without labels.
    pub(crate) fn gauge(&mut self, family: &Family, value: u64) -> fmt::Result {
        let metric = ConstGauge::new(value.cast_signed());
        metric.encode(self.describe(family, MetricType::Gauge)?)
    }

    /// A gauge without labels, of a real number.
    pub(crate) fn real_gauge(&mut self, family: &Family, value: f64) -> fmt::Result {
        let metric = ConstGauge::new(value);
        metric.encode(self.describe(family, MetricType::Gauge)?)
    }

    /// A constant 1 for each set of labels, which say what there is. The name gets the suffix `_info`.
    pub(crate) fn infos<L: EncodeLabelSet>(
        &mut self,
        family: &Family,
        all: impl IntoIterator<Item = L>,
    ) -> fmt::Result {
        let mut encoder = self.describe(family, MetricType::Info)?;
        all.into_iter()
            .try_for_each(|labels| encoder.encode_info(&labels))
    }

    /// A gauge for each set of labels.
    pub(crate) fn gauges<L: EncodeLabelSet>(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = (L, i64)>,
    ) -> fmt::Result {
        let mut encoder = self.describe(family, MetricType::Gauge)?;
        samples.into_iter().try_for_each(|(labels, value)| {
            ConstGauge::new(value).encode(encoder.encode_family(&labels)?)
        })
    }

    /// A histogram for each set of labels; `[("", ""); 0]` is none. The buckets are classic ones: the
    /// OpenMetrics text format has no native histograms.
    pub(crate) fn histograms<L: EncodeLabelSet>(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = (L, Distribution)>,
    ) -> fmt::Result {
        let mut encoder = self.describe(family, MetricType::Histogram)?;
        samples.into_iter().try_for_each(|(labels, all)| {
            let Distribution {
                sum,
                count,
                buckets,
            } = all;
            encoder
                .encode_family(&labels)?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }

    fn describe<'s>(
        &'s mut self,
        family: &'s Family,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        let Family { name, help, unit } = family;
        self.0.encode_descriptor(name, help, unit.as_ref(), kind)
    }
}

/// What a command writes, as a collector of the registry.
struct Command<F>(F);

impl<F> fmt::Debug for Command<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Command")
    }
}

impl<F: Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static> Collector for Command<F> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0(&mut Page(encoder))
    }
}

/// The registry: what every command has, and what `collect` writes.
pub(super) fn registry(
    collect: impl Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static,
) -> Registry {
    let mut registry = Registry::default();
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("udpraw_build", "The version of udpraw", version);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    registry.register_with_unit(
        "udpraw_start_time",
        "When the command started, since 1970 in UTC",
        Unit::Seconds,
        ConstGauge::new(now.unwrap_or_default().as_secs_f64()),
    );
    registry.register_collector(Box::new(Command(collect)));
    registry
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use proptest::prelude::*;

    use super::*;

    static FAMILY: Family = Family::new("udpraw_test", "A test.");

    fn page(value: &str) -> String {
        let value = value.to_owned();
        let registry = registry(move |page| page.counters(&FAMILY, [([("label", &*value)], 7)]));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    /// What a reader of the format takes out of `{label="…"} 7`.
    fn read(line: &str) -> Option<String> {
        let mut rest = line.strip_prefix("udpraw_test_total{label=\"")?.chars();
        let mut value = String::new();
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => value.push(match rest.next()? {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        (rest.as_str() == "} 7").then_some(value)
    }

    proptest! {
        #[test]
        fn a_label_is_read_as_it_was(value in "(\\PC|[\\\\\"\n{},=# ]){0,20}") {
            let text = page(&value);
            // A line feed within would make another line.
            let lines: Vec<_> = text.split('\n').collect();
            let found: Vec<_> = lines.iter().filter_map(|line| read(line)).collect();
            prop_assert_eq!(found, [value]);
            prop_assert_eq!(lines.len(), page("").split('\n').count());
            prop_assert!(text.ends_with("\n# EOF\n"));
        }
    }
}
