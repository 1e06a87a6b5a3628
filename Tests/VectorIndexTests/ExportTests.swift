import ByteFormats
import Foundation
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// What is exported is what was put in, deleted rows left out, and can be put in again.
@Suite struct ExportTests {
    private static let count = 600
    private static let gone: Set<UInt64> = [0, 255, 256, 599]

    private func make(_ folder: TemporaryFolder, profile: IndexProfile) async throws -> (path: String, halves: [UInt16])
    {
        let path = folder.file("\(profile).vlx")
        let vectors = CodedIndex.clustered(Self.count, dimension: 24, seed: 5)
        try await CodedIndex.build(vectors, dimension: 24, profile: profile, at: path)
        var index = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 24)
        try index.delete(.ids(Self.gone))
        return (path, HalfPrecision.narrow(vectors))
    }

    private var kept: [Int] { (0..<Self.count).filter { !Self.gone.contains(UInt64($0)) } }

    private func rows(_ halves: [UInt16]) -> [UInt16] { kept.flatMap { halves[$0 * 24..<($0 + 1) * 24] } }

    @Test(arguments: [IndexProfile.plain, .full])
    func everyFormat(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let (path, halves) = try await make(folder, profile: profile)
        let reader = try IndexReader(folder: path)
        let expected = HalfPrecision.widen(rows(halves))
        for format in IndexExport.Format.allCases {
            let out = folder.file("\(profile).\(format)")
            #expect(try IndexExport.write(reader, to: out, as: format) == kept.count)
            switch format {
            case .npy, .fvecs:
                let file = try VectorFile(path: out)
                #expect(try file.floats(rows: 0..<kept.count) == expected)
                #expect(try NumpyFile(path: out + ".ids.npy").unsignedIntegers() == kept.map(UInt64.init))
                #expect(try LineFile(path: out + ".keys").lines(0..<kept.count) == kept.map { "key\($0)" })
            case .jsonl:
                let lines = try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n")
                #expect(lines.count == kept.count)
                for (line, row) in zip(lines, kept) {
                    let value = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                    #expect(value["id"] as? Int == row && value["key"] as? String == "key\(row)")
                    #expect(value["view"] as? String == "image" && value["ordinal"] as? Int == row)
                    let vector = try #require(value["vector"] as? [Double]).map(Float.init)
                    #expect(vector == HalfPrecision.widen(Array(halves[row * 24..<(row + 1) * 24])))
                }
            case .safetensors:
                let bytes = try Files.read(out)
                let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
                let header = try #require(
                    try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: [String: Any]])
                #expect(header["__metadata__"]?["space"] as? String == VectorMatrix.space.digest.hexadecimal)
                let offsets = try #require(header["vectors"]?["data_offsets"] as? [Int])
                let stored = Array(bytes[(8 + length + offsets[0])..<(8 + length + offsets[1])])
                #expect(stored == rows(halves).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
                let keys = try #require(header["keys"]?["data_offsets"] as? [Int])
                let text = String(decoding: bytes[(8 + length + keys[0])..<(8 + length + keys[1])], as: UTF8.self)
                #expect(text == kept.map { "key\($0)" }.joined())
            }
            guard format != .safetensors else { continue }
            let description = try JSONDecoder().decode(
                IndexExport.Description.self, from: Data(try Files.read(out + ".json")))
            #expect(description.rows == kept.count && description.space == VectorMatrix.space.digest.hexadecimal)
        }
    }

    @Test func codesAreNotExported() async throws {
        let folder = try TemporaryFolder()
        let reader = try IndexReader(folder: try await make(folder, profile: .std).path)
        let error = #expect(throws: VectorIndexError.self) {
            try IndexExport.write(reader, to: folder.file("x.npy"), as: .npy)
        }
        #expect(error?.message.contains("std") == true && !Folder.exists(folder.file("x.npy")))
    }
}
