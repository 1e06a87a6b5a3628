/// Makes the bytes of tar headers: ustar, with a PAX header before it where ustar cannot say it.
///
/// The bytes depend on path and size alone: mode 0644, owner 0, time 0.
enum TarEncoding {
    /// Headers for a member, extended ones included.
    static func header(path: [UInt8], byteCount: Int64) -> [UInt8] {
        let split = splitPath(path)
        // Eleven octal digits reach 8 GiB.
        let isSizeLong = byteCount > 0o77_777_777_777
        guard split == nil || isSizeLong else {
            return block(name: split?.name ?? [], prefix: split?.prefix ?? [], byteCount: byteCount, type: "0")
        }
        var records: [UInt8] = []
        if split == nil { records += record("path", path) }
        if isSizeLong { records += record("size", Array(String(byteCount).utf8)) }
        let short = Array(path.suffix(100))
        return block(name: Array("PaxHeader".utf8), prefix: [], byteCount: Int64(records.count), type: "x")
            + padded(records)
            + block(
                name: split?.name ?? short, prefix: split?.prefix ?? [], byteCount: isSizeLong ? 0 : byteCount,
                type: "0")
    }

    /// Zeros that fill up the last block of a member.
    static func padding(byteCount: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: (512 - byteCount % 512) % 512)
    }

    /// The end of an archive.
    static let end = [UInt8](repeating: 0, count: 1024)

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + padding(byteCount: bytes.count)
    }

    /// Name of at most 100 bytes and prefix of at most 155, divided at a slash; `nil` if that cannot be.
    private static func splitPath(_ path: [UInt8]) -> (name: [UInt8], prefix: [UInt8])? {
        if path.count <= 100 { return (path, []) }
        for (index, byte) in path.enumerated() where byte == UInt8(ascii: "/") {
            let nameCount = path.count - index - 1
            if index > 0, index <= 155, nameCount > 0, nameCount <= 100 {
                return (Array(path[(index + 1)...]), Array(path[..<index]))
            }
        }
        return nil
    }

    private static func block(name: [UInt8], prefix: [UInt8], byteCount: Int64, type: UnicodeScalar) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int64, digitCount: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, digitCount - digits.count)) + digits).utf8)
        }
        put(name, at: 0)
        put(octal(0o644, digitCount: 7), at: 100)
        put(octal(0, digitCount: 7), at: 108)
        put(octal(0, digitCount: 7), at: 116)
        put(octal(byteCount, digitCount: 11), at: 124)
        put(octal(0, digitCount: 11), at: 136)
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        block[156] = UInt8(ascii: type)
        put("ustar\0".utf8, at: 257)
        put("00".utf8, at: 263)
        put(octal(0, digitCount: 7), at: 329)
        put(octal(0, digitCount: 7), at: 337)
        put(prefix, at: 345)
        let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
        put(octal(sum, digitCount: 6) + [0, 0x20], at: 148)
        return block
    }

    /// `LENGTH KEY=VALUE\n`, where LENGTH counts itself.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = [UInt8(ascii: " ")] + Array(key.utf8) + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var length = rest.count
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        return Array(String(length).utf8) + rest
    }
}
