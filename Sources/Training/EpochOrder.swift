import Samples

/// The order of the samples in one epoch: a permutation of 0 ..< count that depends on (seed, epoch) alone.
///
/// A balanced Feistel network of eight rounds on the smallest even-width power of two that holds `count`, walked until it
/// lands inside (cycle walking, Black and Rogaway 2002; fewer than four rounds on average). Any position is found in
/// constant time, and the memory does not grow with the data set.
///
///     let order = EpochOrder(count: 6000, seed: 1, epoch: 0)
///     order[0]  // the first sample of the epoch
public struct EpochOrder: Sendable {
    private static let roundCount = 8

    /// The number of samples.
    public let count: Int
    private let halfBitCount: UInt64
    private let roundKeys: [UInt64]

    /// The order of an epoch, counted from 0.
    public init(count: Int, seed: UInt64, epoch: Int) {
        precondition(count >= 0 && count <= 1 << 62, "EpochOrder of \(count) samples")
        self.count = count
        let bitCount = count <= 1 ? 1 : Int.bitWidth - (count - 1).leadingZeroBitCount
        halfBitCount = UInt64((bitCount + 1) / 2)
        var generator = SeededGenerator(seed: seed, epoch: epoch, number: UInt64(count), purpose: "sample order")
        roundKeys = (0..<Self.roundCount).map { _ in generator.next() }
    }

    /// The sample at a position of the epoch.
    public subscript(position: Int) -> Int {
        precondition(position >= 0 && position < count, "position \(position) of \(count) samples")
        var value = UInt64(position)
        repeat { value = permuted(value) } while value >= UInt64(count)
        return Int(value)
    }

    private func permuted(_ value: UInt64) -> UInt64 {
        let mask: UInt64 = (1 << halfBitCount) &- 1
        var left = value >> halfBitCount
        var right = value & mask
        for key in roundKeys {
            var mixer = SeededGenerator(seed: key ^ right)
            (left, right) = (right, left ^ (mixer.next() & mask))
        }
        return left << halfBitCount | right
    }
}
