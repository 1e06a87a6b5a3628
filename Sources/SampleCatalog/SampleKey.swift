import Samples

/// The one integer by which all rows of a sample are keyed: the shard's id in the upper 32 bits, the ordinal in the
/// lower. Ascending keys are the order of (shard, ordinal), and the samples of a shard are one range.
struct SampleKey: RawRepresentable, Hashable, Sendable, Comparable {
    let rawValue: Int64

    init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    init(shard: ShardID, ordinal: UInt32) {
        rawValue = shard.rawValue &<< 32 | Int64(ordinal)
    }

    var shard: ShardID { ShardID(rawValue: rawValue >> 32) }
    var ordinal: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    static func < (left: SampleKey, right: SampleKey) -> Bool { left.rawValue < right.rawValue }
}

extension ShardID {
    /// Keys of the shard's samples.
    var firstKey: Int64 { SampleKey(shard: self, ordinal: 0).rawValue }
    var lastKey: Int64 { SampleKey(shard: self, ordinal: .max).rawValue }
}
