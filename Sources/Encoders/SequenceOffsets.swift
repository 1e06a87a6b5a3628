/// Where each sequence of a slice starts in its packed rows: [0, n₀, n₀ + n₁, …].
struct SequenceOffsets: Sendable {
    private(set) var offsets: [Int32] = [0]

    /// No sequence.
    init() {}

    /// `count` sequences of `length` rows each.
    init(count: Int, length: Int) {
        offsets = (0...count).map { Int32($0 * length) }
    }

    /// The number of sequences.
    var count: Int { offsets.count - 1 }
    /// The rows of all sequences.
    var rowCount: Int { Int(offsets[offsets.count - 1]) }

    /// Appends a sequence of `length` rows.
    mutating func append(length: Int) {
        offsets.append(Int32(rowCount + length))
    }

    /// Forgets all sequences, keeping the memory.
    mutating func removeAll() {
        offsets.removeAll(keepingCapacity: true)
        offsets.append(0)
    }
}
