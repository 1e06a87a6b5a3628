import Samples

/// Which samples may be found, as sets of rows: shards that are not named are left out.
///
///     var filter = RowFilter()
///     filter.insert(ShardIdentity(dataset: "shop", shard: "0001.tar"), samples: .ordinals([3, 17]))
///     filter.insert(ShardIdentity(dataset: "shop", shard: "0002.tar"), samples: .all)
public struct RowFilter: Sendable, Equatable {
    /// Samples of one shard.
    public enum Samples: Sendable, Equatable {
        /// Every sample.
        case all
        /// These ordinals, in any order.
        case ordinals([UInt32])
    }

    private enum Rows: Sendable, Equatable {
        case all
        case sorted([UInt32])
    }

    private var shards: [ShardIdentity: Rows] = [:]

    /// A filter that lets nothing through.
    public init() {}

    /// A filter that lets through all samples of these shards.
    public init(shards: some Sequence<ShardIdentity>) {
        for shard in shards { insert(shard, samples: .all) }
    }

    /// Lets samples of a shard through, in addition to those that already are.
    public mutating func insert(_ shard: ShardIdentity, samples: Samples) {
        switch (shards[shard], samples) {
        case (.all, _), (_, .all): shards[shard] = .all
        case (nil, .ordinals(let more)): shards[shard] = .sorted(Set(more).sorted())
        case (.sorted(let old), .ordinals(let more)): shards[shard] = .sorted(Set(old).union(more).sorted())
        }
    }

    /// How a shard takes part.
    enum Share {
        case none
        case all
        case some([UInt32])
    }

    func share(of shard: ShardIdentity) -> Share {
        switch shards[shard] {
        case nil: .none
        case .all: .all
        case .sorted(let ordinals): ordinals.isEmpty ? .none : .some(ordinals)
        }
    }

    /// Whether a sample may be found.
    public func contains(_ sample: SampleIdentity) -> Bool {
        switch share(of: ShardIdentity(dataset: sample.dataset, shard: sample.shard)) {
        case .none: false
        case .all: true
        case .some(let ordinals): Self.contains(sample.ordinal, in: ordinals)
        }
    }

    static func contains(_ ordinal: UInt32, in sorted: [UInt32]) -> Bool {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < ordinal { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low] == ordinal
    }
}
