import Samples

/// A set of samples, such as those that match a filter: what an index takes to restrict a search.
///
/// It holds four bytes for each sample: ascending ordinals by shard.
public struct SampleSet: Hashable, Sendable {
    private struct ShardName: Hashable, Sendable {
        let dataset: String
        let shard: String
    }

    private var ordinals: [ShardName: [UInt32]] = [:]

    /// The empty set.
    public init() {}

    /// Number of samples.
    public var count: Int { ordinals.values.reduce(0) { $0 + $1.count } }

    /// Whether there are none.
    public var isEmpty: Bool { ordinals.isEmpty }

    /// Whether the sample is in the set. Logarithmic in the number of samples of its shard.
    public func contains(_ sample: SampleIdentity) -> Bool {
        guard let list = ordinals[ShardName(dataset: sample.dataset, shard: sample.shard)] else { return false }
        let place = SampleSet.place(of: sample.ordinal, in: list)
        return place < list.count && list[place] == sample.ordinal
    }

    /// The ordinals of one shard, ascending.
    public func ordinals(inShard shard: String, ofDataset dataset: String) -> [UInt32] {
        ordinals[ShardName(dataset: dataset, shard: shard)] ?? []
    }

    /// The ascending ordinals of every shard that has samples in the set, shards in no particular order.
    public var shards: [(dataset: String, shard: String, ordinals: [UInt32])] {
        ordinals.map { (dataset: $0.key.dataset, shard: $0.key.shard, ordinals: $0.value) }
    }

    /// Adds a sample. Constant time when it comes behind the others of its shard, else linear.
    public mutating func insert(_ sample: SampleIdentity) {
        let name = ShardName(dataset: sample.dataset, shard: sample.shard)
        let place = SampleSet.place(of: sample.ordinal, in: ordinals[name] ?? [])
        if let list = ordinals[name], place < list.count, list[place] == sample.ordinal { return }
        ordinals[name, default: []].insert(sample.ordinal, at: place)
    }

    /// Adds ordinals of a shard that are ascending and behind those it has.
    mutating func append(_ ascending: [UInt32], inShard shard: String, ofDataset dataset: String) {
        guard !ascending.isEmpty else { return }
        ordinals[ShardName(dataset: dataset, shard: shard), default: []] += ascending
    }

    /// The first place whose ordinal is not smaller.
    private static func place(of ordinal: UInt32, in list: [UInt32]) -> Int {
        if let last = list.last, last < ordinal { return list.count }
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if list[middle] < ordinal { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
