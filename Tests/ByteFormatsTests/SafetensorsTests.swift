import TestSupport
import Testing

@testable import ByteFormats

@Suite struct SafetensorsTests {
    /// A file from a header text and data of a given size.
    static func file(_ header: String, dataByteCount: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt64(header.utf8.count))
        writer.write(header.utf8)
        writer.writeZeros(dataByteCount)
        return writer.bytes
    }

    private func parse(_ bytes: [UInt8]) throws(ByteFormatError) -> SafetensorsHeader {
        unsafe try SafetensorsHeader(prefix: bytes.span.bytes, fileByteCount: bytes.count)
    }

    struct Accepted: Sendable, CustomTestStringConvertible {
        let label: String
        let header: String
        let dataByteCount: Int
        let shapes: [String: [Int]]
        var testDescription: String { label }
    }

    static let accepted: [Accepted] = [
        Accepted(label: "no tensors", header: "{}", dataByteCount: 0, shapes: [:]),
        Accepted(label: "space padding", header: "{}      ", dataByteCount: 0, shapes: [:]),
        Accepted(
            label: "scalar", header: #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, dataByteCount: 4,
            shapes: ["a": []]),
        Accepted(
            label: "zero dimension", header: #"{"a":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]}}"#,
            dataByteCount: 0, shapes: ["a": [3, 0]]),
        Accepted(
            label: "any order, spaces, field order",
            header: #"{ "b" : {"shape":[ 2 ],"data_offsets":[ 4 , 8 ],"dtype":"I16"} , "a":"#
                + #"{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
            dataByteCount: 8, shapes: ["a": [4], "b": [2]]),
        Accepted(
            label: "metadata", header: #"{"__metadata__":{"format":"pt","n":""}}"#, dataByteCount: 0, shapes: [:]),
        Accepted(
            label: "sub-byte elements", header: #"{"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}}"#,
            dataByteCount: 3, shapes: ["a": [2, 3]]),
        Accepted(
            label: "escapes", header: #"{"\u732b\ud83d\ude00\n":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            dataByteCount: 1, shapes: ["猫😀\n": [1]]),
        Accepted(
            label: "rank 8", header: #"{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,2],"data_offsets":[0,2]}}"#,
            dataByteCount: 2, shapes: ["a": [1, 1, 1, 1, 1, 1, 1, 2]]),
    ]

    @Test(arguments: accepted)
    func accepts(_ sample: Accepted) throws {
        let header = try parse(Self.file(sample.header, dataByteCount: sample.dataByteCount))
        #expect(
            Dictionary(uniqueKeysWithValues: header.entries.map { ($0.name, $0.shape) }) == sample.shapes)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let label: String
        let header: String
        var dataByteCount = 4
        var code = ByteFormatError.Code.malformed
        var testDescription: String { label }
    }

    static let ok = #""dtype":"F32","shape":[1],"data_offsets":[0,4]"#

    static let refused: [Refused] = [
        Refused(label: "leading space", header: #" {"a":{\#(ok)}}"#),
        Refused(label: "array", header: "[]"),
        Refused(label: "empty header", header: ""),
        Refused(label: "trailing data in header", header: #"{"a":{\#(ok)}}x"#),
        Refused(label: "unclosed", header: #"{"a":{\#(ok)}"#),
        Refused(label: "trailing comma", header: #"{"a":{\#(ok)},}"#),
        Refused(label: "duplicate tensor", header: #"{"a":{\#(ok)},"a":{\#(ok)}}"#),
        Refused(label: "duplicate after escape", header: #"{"a":{\#(ok)},"\u0061":{\#(ok)}}"#),
        Refused(
            label: "duplicate field", header: #"{"a":{\#(ok),"dtype":"F32"}}"#),
        Refused(label: "unknown field", header: #"{"a":{\#(ok),"more":1}}"#),
        Refused(
            label: "duplicate metadata key", header: #"{"__metadata__":{"a":"1","a":"2"},"a":{\#(ok)}}"#),
        Refused(label: "metadata number", header: #"{"__metadata__":{"a":1},"a":{\#(ok)}}"#),
        Refused(label: "metadata nested", header: #"{"__metadata__":{"a":{}},"a":{\#(ok)}}"#),
        Refused(
            label: "unknown type", header: #"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#,
            code: .unsupported),
        Refused(
            label: "lower-case type", header: #"{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}"#,
            code: .unsupported),
        Refused(label: "negative dimension", header: #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#),
        Refused(label: "fraction", header: #"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#),
        Refused(label: "exponent", header: #"{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}"#),
        Refused(label: "leading zero", header: #"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#),
        Refused(
            label: "number past 64 bits",
            header: #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, code: .limitExceeded),
        Refused(
            label: "product overflows",
            header: #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
            code: .limitExceeded),
        Refused(
            label: "product overflows before a zero",
            header: #"{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}"#,
            dataByteCount: 0, code: .limitExceeded),
        Refused(
            label: "rank 9", header: #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
            code: .limitExceeded),
        Refused(label: "begin past end", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#),
        Refused(label: "one offset", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#),
        Refused(
            label: "three offsets", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#,
            code: .limitExceeded),
        Refused(label: "size differs from shape", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#),
        Refused(
            label: "bits not whole bytes", header: #"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,0]}}"#,
            dataByteCount: 0),
        Refused(label: "missing shape", header: #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#),
        Refused(
            label: "does not start at 0", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            dataByteCount: 8),
        Refused(
            label: "hole",
            header: #"{"a":{\#(ok)},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}"#, dataByteCount: 6),
        Refused(
            label: "overlap",
            header: #"{"a":{\#(ok)},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}"#, dataByteCount: 5),
        Refused(label: "same bytes twice", header: #"{"a":{\#(ok)},"b":{\#(ok)}}"#),
        Refused(label: "data missing", header: #"{"a":{\#(ok)}}"#, dataByteCount: 3, code: .truncated),
        Refused(label: "data left over", header: #"{"a":{\#(ok)}}"#, dataByteCount: 5),
        Refused(label: "half a surrogate", header: #"{"\ud83d":{\#(ok)}}"#),
        Refused(label: "control character in name", header: "{\"a\u{1}\":{\(ok)}}"),
        Refused(
            label: "long name", header: "{\"\(String(repeating: "x", count: 4097))\":{\(ok)}}", code: .limitExceeded),
        Refused(label: "null", header: #"{"a":null}"#),
        Refused(label: "deep", header: String(repeating: #"{"a":"#, count: 100_000)),
    ]

    @Test(arguments: refused)
    func refuses(_ sample: Refused) {
        let error = #expect(throws: ByteFormatError.self) {
            _ = try parse(Self.file(sample.header, dataByteCount: sample.dataByteCount))
        }
        #expect(error?.code == sample.code)
    }

    @Test func refusesBadLengthsAndText() {
        let good = Self.file(#"{"a":{\#(Self.ok)}}"#, dataByteCount: 4)
        for count in 0..<good.count {
            #expect(throws: ByteFormatError.self, "cut at \(count)") { _ = try parse(Array(good[..<count])) }
        }
        var huge = good
        huge[7] = 0x7F
        #expect(#expect(throws: ByteFormatError.self) { _ = try parse(huge) }?.code == .limitExceeded)
        var longer = good
        longer[1] = 1
        #expect(#expect(throws: ByteFormatError.self) { _ = try parse(longer) }?.code == .truncated)
        var notUnicode = good
        notUnicode[10] = 0xFF
        #expect(#expect(throws: ByteFormatError.self) { _ = try parse(notUnicode) }?.code == .malformed)
    }

    @Test func everyFlippedByteIsReadOrRefused() {
        let good = Self.file(
            #"{"a":{\#(Self.ok)},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#, dataByteCount: 6)
        for index in 0..<good.count {
            for mask: UInt8 in [1, 0x10, 0x80] {
                var flipped = good
                flipped[index] ^= mask
                do {
                    let header = try parse(flipped)
                    #expect(header.entries.last?.byteRange.upperBound == flipped.count - header.dataByteOffset)
                } catch {
                    #expect(!error.message.isEmpty)
                }
            }
        }
    }

    @Test func roundTripOfAllFloatTypes() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("w.safetensors")
        let values: [Float] = [1, -2.5, 0, 65504, .infinity, 0x1p-24]
        let halves = HalfPrecision.narrow(values)
        let doubles = values.map(Double.init)
        let tensors = [
            SafetensorsTensor(name: "half", element: .float16, shape: [6]) { unsafe try $0.write(halves.span.bytes) },
            SafetensorsTensor(name: "full", shape: [2, 3], floats: values),
            SafetensorsTensor(name: "double", element: .float64, shape: [3, 2]) {
                unsafe try $0.write(doubles.span.bytes)
            },
            SafetensorsTensor(name: "ids", shape: [2], integers: [-1, 7]),
            SafetensorsTensor(name: "bytes", shape: [3], bytes: [1, 2, 255]),
            SafetensorsTensor(name: "brain", element: .bfloat16, shape: [1], bytes: [0x80, 0x3F]),
        ]
        try SafetensorsFile.write(path: path, tensors: tensors, metadata: ["format": "pt", "note": "a \"b\"\n"])
        let first = try folder.read("w.safetensors")
        try SafetensorsFile.write(
            path: path, tensors: tensors.reversed(), metadata: ["note": "a \"b\"\n", "format": "pt"])
        #expect(try folder.read("w.safetensors") == first, "the order of the arguments does not matter")
        let file = try SafetensorsFile(path: path)
        #expect(file.header.dataByteOffset % 8 == 0)
        #expect(file.header.entries.map(\.name) == ["double", "ids", "full", "brain", "half", "bytes"])
        #expect(file.header.metadata == ["format": "pt", "note": "a \"b\"\n"])
        for name in ["half", "full", "double"] { #expect(try file.floats(of: name) == values, "\(name)") }
        #expect(try file.floats(of: "brain") == [1])
        #expect(try file.integers(of: "ids") == [-1, 7])
        #expect(try file.integers(of: "bytes") == [1, 2, 255])
        #expect(#expect(throws: ByteFormatError.self) { _ = try file.floats(of: "ids") }?.code == .unsupported)
        let missing = #expect(throws: ByteFormatError.self) { _ = try file.floats(of: "no") }
        #expect(missing?.code == .missingEntry && missing?.path == path)
    }

    @Test func goldenBytes() throws {
        let folder = try TemporaryFolder()
        try SafetensorsFile.write(
            path: folder.file("g"), tensors: [SafetensorsTensor(name: "a", shape: [1], floats: [1])])
        let header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  "#
        #expect(header.utf8.count == 56)
        #expect(try folder.read("g") == [56, 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + [0, 0, 0x80, 0x3F])
    }
}
