/// An open-addressing map from a pair of symbol ids to a small number.
///
/// The dictionary of the standard library is correct here too, but its keyed hash takes most of the time of a merge.
/// Positions depend only on the pairs and the order of insertion.
struct PairTable: Sendable {
    private var keys: [UInt64]
    private var values: [Int32]
    private(set) var count = 0
    private var shift: UInt64

    private static let empty = UInt64.max

    /// Makes a table with room for `minimumCapacity` pairs before it grows.
    init(minimumCapacity: Int = 16) {
        var bits: UInt64 = 5
        while (1 << bits) < minimumCapacity * 2 { bits += 1 }
        keys = [UInt64](repeating: Self.empty, count: 1 << bits)
        values = [Int32](repeating: 0, count: 1 << bits)
        shift = 64 - bits
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        // Fibonacci hashing; the pre-multiplied fold brings the left id into the low bits.
        let mixed = (key ^ key >> 29) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: mixed >> shift)
        while keys[slot] != key && keys[slot] != Self.empty {
            slot = (slot + 1) & (keys.count - 1)
        }
        return slot
    }

    /// The value of a pair, or nil.
    @inline(__always)
    func value(_ left: Int32, _ right: Int32) -> Int32? {
        let key = Self.key(left, right)
        let slot = slot(of: key)
        return keys[slot] == key ? values[slot] : nil
    }

    /// Sets the value of a pair.
    mutating func set(_ left: Int32, _ right: Int32, to value: Int32) {
        let key = Self.key(left, right)
        precondition(key != Self.empty, "PairTable.set: ids must not both be -1")
        var slot = slot(of: key)
        if keys[slot] == Self.empty {
            if (count + 1) * 2 > keys.count {
                grow()
                slot = self.slot(of: key)
            }
            keys[slot] = key
            count += 1
        }
        values[slot] = value
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = [UInt64](repeating: Self.empty, count: oldKeys.count * 2)
        values = [Int32](repeating: 0, count: oldKeys.count * 2)
        shift -= 1
        for (index, key) in oldKeys.enumerated() where key != Self.empty {
            let slot = slot(of: key)
            keys[slot] = key
            values[slot] = oldValues[index]
        }
    }
}
