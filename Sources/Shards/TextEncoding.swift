/// How the bytes of a text file stand for characters.
public enum TextEncoding: String, Hashable, Sendable {
    /// UTF-8, with or without a byte-order mark.
    case utf8 = "UTF-8"
    /// UTF-16, low byte first.
    case utf16LittleEndian = "UTF-16LE"
    /// UTF-16, high byte first.
    case utf16BigEndian = "UTF-16BE"
    /// Windows-1252, the superset of Latin-1 that files without another mark mostly are.
    case latin1 = "Latin-1 (Windows-1252)"

    /// Recognises the encoding of a file: a byte-order mark decides; else NULs in every other place mean UTF-16; else it
    /// is UTF-8 if the whole file is valid, and Latin-1 if not. Reads the file once, in blocks.
    static func detect(_ file: ReadOnlyFile) throws(ShardError) -> (encoding: TextEncoding, markByteCount: Int) {
        var window = ByteWindow(file: file)
        let start = Array(try window.bytes(at: 0, count: 4096))
        if start.starts(with: [0xEF, 0xBB, 0xBF]) { return (.utf8, 3) }
        if start.starts(with: [0xFF, 0xFE]) { return (.utf16LittleEndian, 2) }
        if start.starts(with: [0xFE, 0xFF]) { return (.utf16BigEndian, 2) }
        if start.count >= 4 {
            let evenNULs = stride(from: 0, to: start.count, by: 2).count { start[$0] == 0 }
            let oddNULs = stride(from: 1, to: start.count, by: 2).count { start[$0] == 0 }
            if evenNULs == 0, oddNULs > start.count / 4 { return (.utf16LittleEndian, 0) }
            if oddNULs == 0, evenNULs > start.count / 4 { return (.utf16BigEndian, 0) }
        }
        return (try isUTF8(file) ? .utf8 : .latin1, 0)
    }

    private static func isUTF8(_ file: ReadOnlyFile) throws(ShardError) -> Bool {
        let blockByteCount = 256 << 10
        var buffer = [UInt8](repeating: 0, count: blockByteCount)
        var offset: Int64 = 0
        while offset < file.facts.byteCount {
            let count = try file.read(at: offset, into: &buffer, range: 0..<blockByteCount)
            if count == 0 { break }
            var usable = count
            // A character may go on in the next block: cut before its first byte.
            if offset + Int64(count) < file.facts.byteCount {
                var back = 0
                while back < 4, back < count, buffer[count - 1 - back] & 0xC0 == 0x80 { back += 1 }
                if back < 4, back < count, buffer[count - 1 - back] >= 0xC0 { usable = count - 1 - back }
            }
            guard usable > 0, String(validating: buffer[..<usable], as: UTF8.self) != nil else { return false }
            offset += Int64(usable)
        }
        return true
    }

    /// The characters of the bytes 0x80 to 0x9F in Windows-1252; undefined ones stay control characters.
    static let windows1252: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0x9D, 0x017E, 0x0178,
    ]
}

/// The characters of a text file as UTF-8 bytes, one after the other, from any place where a character starts.
struct TextFileBytes: ~Copyable {
    private let file: ReadOnlyFile
    private let encoding: TextEncoding
    /// UTF-8 of the block that is held.
    private var buffer: [UInt8] = []
    private var index = 0
    /// Offset in the file of each byte of `buffer`, where that is not simply counted.
    private var offsets: [Int32] = []
    private var blockOffset: Int64
    private var nextOffset: Int64

    private static let blockByteCount = 64 << 10

    init(file: ReadOnlyFile, encoding: TextEncoding, offset: Int64) {
        self.file = file
        self.encoding = encoding
        blockOffset = offset
        nextOffset = offset
    }

    /// Offset in the file of the next byte; meaningful where a character starts.
    var offset: Int64 {
        guard index < buffer.count else { return nextOffset }
        return encoding == .utf8 ? blockOffset + Int64(index) : blockOffset + Int64(offsets[index])
    }

    /// The next byte; `nil` at the end.
    mutating func next() throws(ShardError) -> UInt8? {
        if index == buffer.count {
            try fill()
            if buffer.isEmpty { return nil }
        }
        index += 1
        return buffer[index - 1]
    }

    /// The next byte without passing it.
    mutating func peek() throws(ShardError) -> UInt8? {
        if index == buffer.count { try fill() }
        return buffer.isEmpty ? nil : buffer[index]
    }

    private mutating func fill() throws(ShardError) {
        blockOffset = nextOffset
        index = 0
        var raw = [UInt8](repeating: 0, count: TextFileBytes.blockByteCount)
        let count = try file.read(at: nextOffset, into: &raw, range: 0..<raw.count)
        raw.removeLast(raw.count - count)
        switch encoding {
        case .utf8:
            buffer = raw
            nextOffset += Int64(count)
        case .latin1:
            decode(
                raw.enumerated().lazy.map { index, byte in
                    (index, 0x80...0x9F ~= byte ? TextEncoding.windows1252[Int(byte) - 0x80] : UInt32(byte))
                })
            nextOffset += Int64(count)
        case .utf16LittleEndian, .utf16BigEndian:
            nextOffset += Int64(decodeUTF16(raw))
        }
    }

    private mutating func decode(_ scalars: some Sequence<(Int, UInt32)>) {
        buffer.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        for (offset, value) in scalars {
            let scalar = UnicodeScalar(value) ?? "\u{FFFD}"
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                buffer.append(byte)
                offsets.append(Int32(offset))
            }
        }
    }

    /// Decodes whole characters; returns how many raw bytes they take. Halves without their other half become U+FFFD.
    private mutating func decodeUTF16(_ raw: [UInt8]) -> Int {
        let isLittle = encoding == .utf16LittleEndian
        func unit(_ index: Int) -> UInt32 {
            let (first, second) = (UInt32(raw[index]), UInt32(raw[index + 1]))
            return isLittle ? first | second << 8 : first << 8 | second
        }
        var scalars: [(Int, UInt32)] = []
        var index = 0
        while index + 1 < raw.count {
            let value = unit(index)
            if value >> 10 == 0x36 {
                // The other half may be in the next block.
                guard index + 3 < raw.count else {
                    if index > 0 { break }
                    scalars.append((index, 0xFFFD))
                    index += 2
                    continue
                }
                let low = unit(index + 2)
                if low >> 10 == 0x37 {
                    scalars.append((index, 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)))
                    index += 4
                    continue
                }
            }
            scalars.append((index, value))
            index += 2
        }
        // A single byte at the very end is no character.
        let used = scalars.isEmpty ? raw.count : index
        decode(scalars)
        return used
    }
}
