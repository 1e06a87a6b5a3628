/// One 512-byte tar header block, its fields checked: ustar, GNU, star and the old form without a magic.
struct TarHeader: Hashable {
    /// Bytes of a block: headers are one, members are padded to a multiple of it.
    static let blockByteCount = 512

    /// The type letter; NUL is the old way of writing `0`.
    let type: UInt8
    /// The path as stored in this block: prefix, `/`, name. Any bytes but NUL.
    let path: [UInt8]
    /// The number in the size field, which is the byte count of the data that follow unless the type has none.
    let byteCount: Int64
    /// For GNU sparse members (`S`): whether a further block of the sparse map follows.
    let isSparseMapContinued: Bool

    /// Whether a file that starts with `bytes` starts with a tar header: 512 bytes whose checksum holds.
    static func isPlausible(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.count >= blockByteCount && hasValidChecksum(bytes.prefix(blockByteCount)) && !isZero(bytes)
    }

    /// Whether the 512 bytes at the start are all zero: the end of the archive.
    static func isZero(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.prefix(blockByteCount).allSatisfy { $0 == 0 }
    }

    /// Checks and reads a block of exactly 512 bytes.
    init(_ block: ArraySlice<UInt8>) throws(TarDamage) {
        precondition(block.count == TarHeader.blockByteCount, "a tar header has 512 bytes, not \(block.count)")
        guard TarHeader.hasValidChecksum(block) else {
            throw TarDamage(.tarChecksum, "the checksum of the header is wrong")
        }
        let base = block.startIndex
        func field(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> { block[base + offset..<base + offset + count] }

        type = block[base + 156]
        byteCount = try TarHeader.number(field(124, 12), name: "size")
        isSparseMapContinued = block[base + 482] != 0
        var name = Array(field(0, 100).prefix { $0 != 0 })
        // POSIX has a prefix of 155 bytes; star uses 131 of them and marks the block's end. GNU keeps times there.
        if field(257, 6).elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0x00]) {
            let isStar = field(508, 4).elementsEqual([0x74, 0x61, 0x72, 0x00])
            let prefix = field(345, isStar ? 131 : 155).prefix { $0 != 0 }
            if !prefix.isEmpty { name = Array(prefix) + [UInt8(ascii: "/")] + name }
        }
        path = name
    }

    /// The checksum is the sum of all bytes with its own field read as spaces; some old writers summed signed bytes.
    private static func hasValidChecksum(_ block: ArraySlice<UInt8>) -> Bool {
        let base = block.startIndex
        guard let stored = try? number(block[base + 148..<base + 156], name: "checksum") else { return false }
        var unsigned: Int64 = 0
        var signed: Int64 = 0
        for (index, byte) in block.enumerated() {
            let value = (148..<156).contains(index) ? 0x20 : byte
            unsigned += Int64(value)
            signed += Int64(Int8(bitPattern: value))
        }
        return stored == unsigned || stored == signed
    }

    /// A number field: octal digits between spaces or NULs, or base-256 if the first bit is set. Never negative.
    static func number(_ field: ArraySlice<UInt8>, name: String) throws(TarDamage) -> Int64 {
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            guard first & 0x40 == 0 else { throw TarDamage(.tarNumber, "the \(name) field is negative") }
            var value = Int64(first & 0x3F)
            for byte in field.dropFirst() {
                guard value <= Int64.max >> 8 else { throw TarDamage(.tarNumber, "the \(name) field is too large") }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        var value: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else {
                throw TarDamage(.tarNumber, "the \(name) field is not an octal number")
            }
            // Twelve octal digits are 36 bits, so this cannot overflow.
            value = value << 3 | Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }
}

/// Damage after which nothing more of a tar can be located; the place is added by the reader.
struct TarDamage: Error, Hashable {
    let code: ShardError.Code
    let reason: String

    init(_ code: ShardError.Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}
