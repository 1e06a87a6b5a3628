import Foundation
import Shards

/// Builds tars byte by byte, by no code of the module under test, so that both can be wrong only independently.
struct TarFixture {
    private(set) var bytes: [UInt8] = []

    enum Size {
        case octal(Int64)
        case base256(Int64)
        case raw([UInt8])
    }

    enum Magic {
        case ustar, gnu, none
    }

    /// Appends one header with a correct checksum, unless `breaksChecksum`.
    mutating func header(
        _ name: [UInt8], size: Size, type: UInt8 = UInt8(ascii: "0"), prefix: [UInt8] = [], magic: Magic = .ustar,
        breaksChecksum: Bool = false, edit: (inout [UInt8]) -> Void = { _ in }
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ field: [UInt8], _ offset: Int) { block.replaceSubrange(offset..<offset + field.count, with: field) }
        put(Array(name.prefix(100)), 0)
        put(Array("0000644\0".utf8), 100)
        switch size {
        case .octal(let value): put(Array(String(format: "%011llo\0", value).utf8), 124)
        case .base256(let value):
            var field = [UInt8](repeating: 0, count: 12)
            for index in 0..<8 { field[11 - index] = UInt8(truncatingIfNeeded: value >> (8 * Int64(index))) }
            field[0] |= 0x80
            put(field, 124)
        case .raw(let field): put(field, 124)
        }
        block[156] = type
        switch magic {
        case .ustar: put(Array("ustar\0".utf8) + Array("00".utf8), 257)
        case .gnu: put(Array("ustar  \0".utf8), 257)
        case .none: break
        }
        put(Array(prefix.prefix(155)), 345)
        edit(&block)
        put([UInt8](repeating: 0x20, count: 8), 148)
        let sum = block.reduce(0) { $0 + Int($1) } + (breaksChecksum ? 1 : 0)
        put(Array(String(format: "%06o\0 ", sum).utf8), 148)
        bytes += block
    }

    /// Appends bytes and fills up the block.
    mutating func body(_ data: [UInt8]) {
        bytes += data
        bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    mutating func member(_ name: String, _ data: [UInt8]) {
        header(Array(name.utf8), size: .octal(Int64(data.count)))
        body(data)
    }

    mutating func extended(_ type: Character, _ data: [UInt8]) {
        header(Array("PaxHeader".utf8), size: .octal(Int64(data.count)), type: type.asciiValue ?? 0)
        body(data)
    }

    mutating func pax(_ records: [(String, String)]) {
        extended("x", records.flatMap { TarFixture.record($0.0, Array($0.1.utf8)) })
    }

    mutating func raw(_ more: [UInt8]) { bytes += more }

    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [10]
        var length = rest.count + 1
        while String(length).count + rest.count != length { length += 1 }
        return Array(String(length).utf8) + rest
    }

    /// Bytes that start like a JPEG and are told apart by `tag`.
    static func image(_ tag: UInt8, count: Int = 40) -> [UInt8] {
        [0xFF, 0xD8, 0xFF, 0xE0] + [UInt8](repeating: tag, count: count)
    }
}

/// A folder of its own, removed at the end.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "vlmpipe-shards-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { print("left behind: \(path): \(error)") }
    }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let full = path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: full))
        return full
    }

    /// All items of a tar with these bytes.
    func items(_ bytes: [UInt8], limits: ShardLimits = ShardLimits()) throws -> [ShardItem] {
        let path = try write("\(UUID().uuidString).tar", bytes)
        var reader = try TarSampleReader(file: try ReadOnlyFile(path: path), limits: limits)
        var items: [ShardItem] = []
        while let item = try reader.next() { items.append(item) }
        return items
    }
}

extension ShardItem {
    var sample: FoundSample? { if case .sample(let sample) = self { sample } else { nil } }
    var rejected: RejectedItem? { if case .rejected(let item) = self { item } else { nil } }
}
