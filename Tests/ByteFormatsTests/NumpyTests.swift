import TestSupport
import Testing

@testable import ByteFormats

@Suite struct NumpyTests {
    private func file(_ dictionary: String, version: [UInt8] = [1, 0], data: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write([0x93] + Array("NUMPY".utf8) + version)
        if version[0] == 1 {
            writer.write(UInt16(dictionary.utf8.count))
        } else {
            writer.write(UInt32(dictionary.utf8.count))
        }
        writer.write(dictionary.utf8)
        writer.write(data)
        return writer.bytes
    }

    private func open(_ bytes: [UInt8]) throws -> NumpyFile {
        let folder = try TemporaryFolder()
        return try NumpyFile(path: try folder.write(bytes, to: "x.npy"))
    }

    @Test func goldenBytesAreNumpys() throws {
        let folder = try TemporaryFolder()
        try NumpyFile.write(path: folder.file("x.npy"), shape: [2, 1], floats: [1, -2])
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"
        var expected: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8)
        expected += [UInt8](repeating: 0x20, count: 127 - expected.count) + [0x0A]
        expected += [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
        #expect(try folder.read("x.npy") == expected)
    }

    @Test(arguments: [[0, 5], [1, 1], [7, 3], [4], [2, 3, 2], []])
    func roundTrip(shape: [Int]) throws {
        let folder = try TemporaryFolder()
        let count = shape.reduce(1, *)
        let floats = (0..<count).map { Float($0) * 0.5 - 3 }
        try NumpyFile.write(path: folder.file("f.npy"), shape: shape, floats: floats)
        let file = try NumpyFile(path: folder.file("f.npy"))
        #expect(file.shape == shape && file.element == .float32)
        #expect(try file.floats(rows: 0..<file.rowCount) == floats)
        if file.rowCount > 1 {
            #expect(try file.floats(rows: 1..<2) == Array(floats[file.rowElementCount..<file.rowElementCount * 2]))
        }
        try NumpyFile.write(path: folder.file("i.npy"), shape: shape, integers: (0..<count).map(Int64.init))
        #expect(try NumpyFile(path: folder.file("i.npy")).unsignedIntegers() == (0..<count).map(UInt64.init))
        try NumpyFile.write(
            path: folder.file("u.npy"), shape: shape, unsignedIntegers: (0..<count).map { .max - UInt64($0) })
        #expect(
            try NumpyFile(path: folder.file("u.npy")).unsignedIntegers() == (0..<count).map { .max - UInt64($0) })
        try NumpyFile.write(path: folder.file("h.npy"), element: .float16, shape: shape) {
            let halves = HalfPrecision.narrow(floats)
            unsafe try $0.write(halves.span.bytes)
        }
        let halves = try NumpyFile(path: folder.file("h.npy"))
        #expect(try halves.floats(rows: 0..<halves.rowCount) == floats)
    }

    @Test func readsWhatOthersWrite() throws {
        let two: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
        let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
        for version: [UInt8] in [[1, 0], [2, 0], [3, 0]] {
            #expect(try open(file(dictionary, version: version, data: two)).floats(rows: 0..<2) == [1, 2])
        }
        let other = "{\"shape\":(1,2),\"fortran_order\":True,\"descr\":\"<f4\"}"
        #expect(try open(file(other, data: two)).floats(rows: 0..<1) == [1, 2])
    }

    @Test(arguments: [
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", ByteFormatError.Code.unsupported),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", .unsupported),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", .unsupported),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", .unsupported),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", .truncated),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", .malformed),
        ("{'descr': '<f4', 'fortran_order': False}", .malformed),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", .malformed),
        ("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", .malformed),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", .malformed),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807)}",
            .limitExceeded
        ),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", .limitExceeded),
        ("", .malformed),
    ])
    func refuses(dictionary: String, code: ByteFormatError.Code) throws {
        let bytes = file(dictionary, data: [UInt8](repeating: 0, count: 8))
        let error = #expect(throws: ByteFormatError.self) { _ = try open(bytes) }
        #expect(error?.code == code, "\(String(describing: error))")
        #expect(error?.path != nil)
    }

    @Test func everyCutIsRefused() throws {
        let whole = file(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", data: [UInt8](repeating: 1, count: 8))
        for count in 0..<whole.count {
            #expect(throws: ByteFormatError.self, "cut at \(count)") { _ = try open(Array(whole[..<count])) }
        }
        #expect(throws: ByteFormatError.self) { _ = try open(file("x", version: [4, 0], data: [])) }
    }

    @Test func floatsAreNotIdsAndNegativeIdsAreRefused() throws {
        let folder = try TemporaryFolder()
        try NumpyFile.write(path: folder.file("f"), shape: [1], floats: [1])
        #expect(throws: ByteFormatError.self) { try NumpyFile(path: folder.file("f")).unsignedIntegers() }
        try NumpyFile.write(path: folder.file("i"), shape: [2], integers: [3, -1])
        #expect(throws: ByteFormatError.self) { try NumpyFile(path: folder.file("i")).unsignedIntegers() }
        #expect(throws: ByteFormatError.self) { try NumpyFile(path: folder.file("i")).floats(rows: 0..<2) }
    }
}
