import Foundation
import Samples
import Testing

@testable import Shards

@Suite struct TarSampleReaderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func groupsMembersAndRecordsWhereTheyAre() throws {
        var tar = TarFixture()
        tar.member("a.jpg", TarFixture.image(1))
        tar.member("a.txt", Array("one".utf8))
        tar.member("a.JSON", Array("{}".utf8))
        tar.member("b/c.d.png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        tar.end()
        let items = try folder.items(tar.bytes)
        #expect(items.count == 2)
        let first = try #require(items[0].sample)
        #expect(first.key == "a")
        #expect(first.ordinal == 0)
        #expect(first.image.location.range == ByteRange(offset: 512, byteCount: 44))
        #expect(first.image.bytes == TarFixture.image(1))
        #expect(first.texts.map(\.suffix) == ["txt", "json"])
        #expect(first.texts.map(\.byteOffset) == [1536, 2560])
        let second = try #require(items[1].sample)
        #expect(second.key == "b/c")
        #expect(second.ordinal == 1)
    }

    struct NameCase: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let key: String
        let build: @Sendable (inout TarFixture) -> Void
    }

    static let names: [NameCase] = [
        NameCase(testDescription: "ustar prefix", key: "pre/fix/a") { tar in
            tar.header(Array("a.jpg".utf8), size: .octal(44), prefix: Array("pre/fix".utf8))
        },
        NameCase(testDescription: "GNU header has no prefix", key: "a") { tar in
            tar.header(Array("a.jpg".utf8), size: .octal(44), prefix: Array("12345670".utf8), magic: .gnu)
        },
        NameCase(testDescription: "old header without magic", key: "a") { tar in
            tar.header(Array("a.jpg".utf8), size: .octal(44), magic: .none)
        },
        NameCase(testDescription: "star prefix", key: "p/a") { tar in
            tar.header(Array("a.jpg".utf8), size: .octal(44), prefix: Array("p".utf8)) { block in
                block.replaceSubrange(508..<512, with: Array("tar\0".utf8))
            }
        },
        NameCase(testDescription: "GNU long name", key: String(repeating: "long/", count: 60) + "a") { tar in
            tar.extended("L", Array((String(repeating: "long/", count: 60) + "a.jpg\0").utf8))
            tar.header(Array("long/long".utf8), size: .octal(44), magic: .gnu)
        },
        NameCase(testDescription: "PAX path", key: String(repeating: "ß/", count: 300) + "a") { tar in
            tar.pax([("mtime", "1.5"), ("path", String(repeating: "ß/", count: 300) + "a.jpg")])
            tar.header(Array("x.jpg".utf8), size: .octal(44))
        },
        NameCase(testDescription: "PAX size wins over the header's", key: "a") { tar in
            tar.pax([("size", "44")])
            tar.header(Array("a.jpg".utf8), size: .octal(0))
        },
        NameCase(testDescription: "base-256 size", key: "a") { tar in
            tar.header(Array("a.jpg".utf8), size: .base256(44))
        },
        NameCase(testDescription: "octal size with spaces", key: "a") { tar in
            tar.header(Array("a.jpg".utf8), size: .raw(Array("        54 \0".utf8)))
        },
        NameCase(testDescription: "global header is ignored", key: "a") { tar in
            tar.extended("g", TarFixture.record("path", Array("evil.png".utf8)))
            tar.header(Array("a.jpg".utf8), size: .octal(44))
        },
        NameCase(testDescription: "leading ./", key: "s/a") { tar in
            tar.header(Array("./s/a.jpg".utf8), size: .octal(44))
        },
        NameCase(testDescription: "not UTF-8", key: "\\xFFa\\xC3") { tar in
            tar.header([0xFF, 0x61, 0xC3] + Array(".jpg".utf8), size: .octal(44))
        },
        NameCase(testDescription: "old file type NUL", key: "a") { tar in
            tar.header(Array("a.jpg".utf8), size: .octal(44), type: 0)
        },
    ]

    @Test(arguments: names) func readsNamesAndSizes(_ name: NameCase) throws {
        var tar = TarFixture()
        name.build(&tar)
        let offset = tar.bytes.count
        tar.body(TarFixture.image(7))
        tar.member("z.jpg", TarFixture.image(8))
        tar.end()
        let items = try folder.items(tar.bytes)
        #expect(items.count == 2)
        let sample = try #require(items.first?.sample)
        #expect(sample.key == name.key)
        #expect(sample.image.bytes == TarFixture.image(7))
        #expect(sample.image.location.range == ByteRange(offset: Int64(offset), byteCount: 44))
        #expect(items.last?.sample?.key == "z")
    }

    @Test func stepsOverWhatHasNoBytes() throws {
        var tar = TarFixture()
        for type in "123456V" {
            // A size in such a header does not mean bytes.
            tar.header(Array("x.jpg".utf8), size: .octal(5_000_000), type: type.asciiValue ?? 0)
        }
        tar.header(Array("dir/".utf8), size: .octal(0), type: 0)
        tar.header(Array("D".utf8), size: .octal(700), type: UInt8(ascii: "D"))
        tar.body([UInt8](repeating: 9, count: 700))
        tar.member("README", [1])
        tar.member(".hidden", [1])
        tar.member("a.jpg", TarFixture.image(1))
        tar.end()
        #expect(try folder.items(tar.bytes).compactMap(\.sample?.key) == ["a"])
    }

    @Test func aRepeatedSuffixStartsAnotherSample() throws {
        var tar = TarFixture()
        tar.member("a.jpg", TarFixture.image(1))
        tar.member("a.jpg", TarFixture.image(2))
        tar.member("a.txt", [65])
        tar.end()
        let items = try folder.items(tar.bytes)
        #expect(items.compactMap(\.sample?.key) == ["a", "a"])
        #expect(items.map { $0.sample?.texts.count } == [0, 1])
    }

    @Test func prefersThePlainestImage() throws {
        var tar = TarFixture()
        tar.member("a.mask.png", TarFixture.image(1))
        tar.member("a.bin", TarFixture.image(2))
        tar.member("a.jpg", TarFixture.image(3))
        tar.end()
        #expect(try folder.items(tar.bytes).first?.sample?.image.bytes == TarFixture.image(2))
    }

    @Test(arguments: [
        ("no image", "a.txt", ShardError.Code.imageMissing), ("a lie", "a.jpg", .imageMissing),
    ])
    func rejectsSamplesWithoutImage(_ label: String, _ name: String, _ code: ShardError.Code) throws {
        var tar = TarFixture()
        tar.member(name, Array("GIF89a".utf8))
        tar.end()
        let item = try #require(try folder.items(tar.bytes).first?.rejected, "\(label)")
        #expect(item.code == code)
        #expect(item.key == "a")
    }

    struct DamageCase: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let code: ShardError.Code
        let build: @Sendable (inout TarFixture) -> Void
    }

    /// Everything that ends a tar early; each follows one good sample.
    static let damages: [DamageCase] = [
        DamageCase(testDescription: "wrong checksum", code: .tarChecksum) { tar in
            tar.header(Array("b.jpg".utf8), size: .octal(0), breaksChecksum: true)
        },
        DamageCase(testDescription: "garbage", code: .tarChecksum) { tar in
            tar.body((0..<512).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) })
        },
        DamageCase(testDescription: "negative base-256 size", code: .tarNumber) { tar in
            tar.header(Array("b.jpg".utf8), size: .raw([UInt8](repeating: 0xFF, count: 12)))
        },
        DamageCase(testDescription: "overflowing base-256 size", code: .tarNumber) { tar in
            tar.header(Array("b.jpg".utf8), size: .raw([0x80] + [UInt8](repeating: 0xFF, count: 11)))
        },
        DamageCase(testDescription: "largest base-256 size", code: .tarNumber) { tar in
            tar.header(Array("b.jpg".utf8), size: .base256(.max - 511))
        },
        DamageCase(testDescription: "size that is no number", code: .tarNumber) { tar in
            tar.header(Array("b.jpg".utf8), size: .raw(Array("12x45678901\0".utf8)))
        },
        DamageCase(testDescription: "8 GiB in a small file", code: .tarTruncated) { tar in
            tar.header(Array("b.jpg".utf8), size: .octal(0o77_777_777_777))
        },
        DamageCase(testDescription: "PAX size overflows", code: .tarNumber) { tar in
            tar.pax([("size", "99999999999999999999")])
        },
        DamageCase(testDescription: "PAX size negative", code: .tarNumber) { tar in tar.pax([("size", "-1")]) },
        DamageCase(testDescription: "PAX record too long", code: .tarExtendedHeader) { tar in
            tar.extended("x", Array("999 path=a\n".utf8))
        },
        DamageCase(testDescription: "PAX record of length 0", code: .tarExtendedHeader) { tar in
            tar.extended("x", Array("0 path=a\n".utf8))
        },
        DamageCase(testDescription: "PAX record without =", code: .tarExtendedHeader) { tar in
            tar.extended("x", Array("9 path a\n".utf8))
        },
        DamageCase(testDescription: "PAX length overflows", code: .tarExtendedHeader) { tar in
            tar.extended("x", Array("99999999999999999999 path=a\n".utf8))
        },
        DamageCase(testDescription: "PAX header over the limit", code: .tarExtendedHeader) { tar in
            tar.extended("x", TarFixture.record("c", [UInt8](repeating: 65, count: 2 << 20)))
        },
        DamageCase(testDescription: "too many extended headers", code: .tarExtendedHeader) { tar in
            for _ in 0..<17 { tar.extended("L", Array("b.jpg\0".utf8)) }
        },
        DamageCase(testDescription: "extended header at the end", code: .tarExtendedHeader) { tar in
            tar.pax([("path", "b.jpg")])
            tar.end()
        },
        DamageCase(testDescription: "no end", code: .tarEndMissing) { _ in },
        DamageCase(testDescription: "half a block", code: .tarTruncated) { tar in
            tar.raw([UInt8](repeating: 0, count: 100))
        },
        DamageCase(testDescription: "endless sparse map", code: .tarTruncated) { tar in
            tar.header(Array("b.jpg".utf8), size: .octal(512), type: UInt8(ascii: "S"), magic: .gnu) { $0[482] = 1 }
            for _ in 0..<9 { tar.body([UInt8](repeating: 1, count: 512)) }
        },
    ]

    @Test(arguments: damages) func keepsWhatPrecedesDamage(_ damage: DamageCase) throws {
        var tar = TarFixture()
        tar.member("a.jpg", TarFixture.image(1))
        tar.member("a.txt", Array("kept".utf8))
        damage.build(&tar)
        let items = try folder.items(tar.bytes)
        #expect(items.count == 2)
        #expect(items.first?.sample?.texts.count == 1)
        let rest = try #require(items.last?.rejected)
        #expect(rest.code == damage.code)
        #expect(rest.ordinal == 1)
        #expect(rest.key == "")
        #expect(rest.byteOffset >= 2048)
    }

    struct DefectCase: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let code: ShardError.Code
        let build: @Sendable (inout TarFixture) -> Void
    }

    /// Members that cannot be used while the tar reads on behind them.
    static let defects: [DefectCase] = [
        DefectCase(testDescription: "GNU sparse", code: .memberSparse) { tar in
            tar.header(Array("b.jpg".utf8), size: .octal(44), type: UInt8(ascii: "S"), magic: .gnu) { $0[482] = 1 }
            tar.body([UInt8](repeating: 0, count: 512))
            tar.body(TarFixture.image(2))
        },
        DefectCase(testDescription: "PAX sparse", code: .memberSparse) { tar in
            tar.pax([("GNU.sparse.major", "1")])
            tar.member("b.jpg", TarFixture.image(2))
        },
        DefectCase(testDescription: "other volume", code: .memberMultiVolume) { tar in
            tar.header(Array("b.jpg".utf8), size: .octal(44), type: UInt8(ascii: "M"), magic: .gnu)
            tar.body(TarFixture.image(2))
        },
        DefectCase(testDescription: "path too long", code: .pathTooLong) { tar in
            tar.pax([("path", String(repeating: "p", count: 4093) + ".jpg")])
            tar.member("b.jpg", TarFixture.image(2))
        },
        DefectCase(testDescription: "image too large", code: .memberTooLarge) { tar in
            tar.member("b.jpg", TarFixture.image(2, count: 3000))
        },
        DefectCase(testDescription: "text too large", code: .memberTooLarge) { tar in
            tar.member("b.jpg", TarFixture.image(2))
            tar.member("b.txt", [UInt8](repeating: 65, count: 2001))
        },
    ]

    @Test(arguments: defects) func passesOverUnusableMembers(_ defect: DefectCase) throws {
        var tar = TarFixture()
        tar.member("a.jpg", TarFixture.image(1))
        defect.build(&tar)
        tar.member("c.jpg", TarFixture.image(3))
        tar.end()
        var limits = ShardLimits()
        limits.maximumImageByteCount = 2000
        limits.maximumTextByteCount = 2000
        let items = try folder.items(tar.bytes, limits: limits)
        #expect(items.compactMap(\.sample?.key).filter { $0 != "b" } == ["a", "c"])
        #expect(items.compactMap(\.rejected?.code) == [defect.code])
    }

    @Test func aTarCutAnywhereLosesOnlyWhatIsBehindTheCut() throws {
        var tar = TarFixture()
        for index in 0..<4 {
            tar.pax([("path", "sample\(index).jpg")])
            tar.member("x.jpg", TarFixture.image(UInt8(index), count: 600))
            tar.member("sample\(index).txt", Array("caption \(index)".utf8))
        }
        tar.end()
        let whole = try folder.items(tar.bytes).compactMap(\.sample)
        #expect(whole.count == 4)
        var cuts = Array(stride(from: 0, through: tar.bytes.count, by: 512))
        cuts += cuts.flatMap { [$0 + 1, $0 + 511] }.filter { $0 < tar.bytes.count }
        for cut in cuts {
            let items = try folder.items(Array(tar.bytes.prefix(cut)))
            // The two blocks of the end may be cut to one; whatever is shorter is missing something and says so.
            let isWhole = cut >= tar.bytes.count - 512
            #expect(items.compactMap(\.rejected).count == (isWhole ? 0 : 1), "cut at \(cut)")
            #expect(items.map { Int($0.ordinal) } == Array(0..<items.count), "cut at \(cut)")
            for sample in items.compactMap(\.sample) {
                let original = whole[Int(sample.ordinal)]
                #expect(sample.image.bytes == original.image.bytes, "cut at \(cut)")
                #expect(sample.key == original.key, "cut at \(cut)")
            }
            let wholeImages = whole.filter { $0.image.location.range.end <= Int64(cut) }.count
            #expect(items.compactMap(\.sample).count == wholeImages, "cut at \(cut)")
        }
    }

    @Test func everyFlippedByteEndsWithoutHarm() throws {
        var tar = TarFixture()
        tar.pax([("path", "p.jpg")])
        tar.member("a.jpg", TarFixture.image(1))
        tar.extended("L", Array("q.jpg\0".utf8))
        tar.member("b.jpg", TarFixture.image(2))
        tar.end()
        // Of the zeros between the fields every 13th is enough.
        for index in 0..<tar.bytes.count where tar.bytes[index] != 0 || index % 13 == 0 {
            var bytes = tar.bytes
            bytes[index] ^= 0xA5
            let items = try folder.items(bytes)
            #expect(items.count <= 4, "byte \(index)")
            #expect(items.map { Int($0.ordinal) } == Array(0..<items.count), "byte \(index)")
        }
    }

    @Test func goesOnFromAnyCursorAsIfUndisturbed() throws {
        var tar = TarFixture()
        tar.header(Array("d/".utf8), size: .octal(0), type: UInt8(ascii: "5"))
        for index in 0..<5 {
            tar.pax([("path", "d/\(index).jpg")])
            tar.member("x.jpg", TarFixture.image(UInt8(index)))
            tar.member("d/\(index).txt", [65])
            tar.member("other", [1])
        }
        tar.header(Array("bad.jpg".utf8), size: .octal(4096))
        let file = try ReadOnlyFile(path: try folder.write("a.tar", tar.bytes))
        var reader = try TarSampleReader(file: file)
        var items: [ShardItem] = []
        var cursors = [reader.cursor]
        while let item = try reader.next() {
            items.append(item)
            cursors.append(reader.cursor)
        }
        #expect(items.count == 6)
        for (count, cursor) in cursors.enumerated() where count < items.count {
            var again = try TarSampleReader(file: file, from: cursor)
            var rest: [ShardItem] = []
            while let item = try again.next() { rest.append(item) }
            #expect(rest == Array(items[count...]), "from \(count)")
            #expect(again.cursor == reader.cursor, "from \(count)")
        }
        #expect(try TarHeaderDigest.ofFile(file) == reader.cursor.headerDigest)
    }

    @Test func anEmptyTarHoldsNothing() throws {
        #expect(try folder.items([UInt8](repeating: 0, count: 10240)).isEmpty)
        let empty = try folder.items([])
        #expect(empty.compactMap(\.rejected?.code) == [.tarEndMissing])
    }

    @Test func aMillionHeadersNeedNoStack() throws {
        var one = TarFixture()
        one.header(Array("d/".utf8), size: .octal(0), type: UInt8(ascii: "5"))
        let block = one.bytes
        var bytes: [UInt8] = []
        bytes.reserveCapacity(block.count * 100_000)
        for _ in 0..<100_000 { bytes += block }
        #expect(try folder.items(bytes).compactMap(\.rejected?.code) == [.tarEndMissing])
    }
}
