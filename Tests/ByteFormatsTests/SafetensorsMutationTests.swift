import Foundation
import Testing

@testable import ByteFormats

/// Our decision on 2,000 spoilt files beside that of the reference reader, which `Tests/Peers/safetensors_mutations.py` recorded.
@Suite struct SafetensorsMutationTests {
    /// One spoilt file.
    private struct Case {
        let bytes: [UInt8]
        let isAccepted: Bool
    }

    /// What we refuse although the reference reads it: the words of our message, and why.
    private static let stricter = [
        "must start with '{'": "the format's own rule, which the reference's reader does not enforce",
        "is there twice": "the reference keeps one of two tensors of the same name, in silence",
        "twice or unexpectedly": "a field that the format does not have may change what the tensor means",
        "a list of more than 8 numbers": "no model has tensors of more than eight dimensions",
    ]

    private func cases() throws -> [Case] {
        let url = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/safetensors_mutations.json")
        let root = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        let bases = try #require(root["bases"] as? [[Any]]).map { try latin1($0[0]) }
        return try #require(root["cases"] as? [[Any]]).map { fields in
            let edit = try fields.map { $0 is String ? 0 : $0 is NSNull ? -1 : try #require($0 as? Int) }
            var header = bases[edit[0]]
            header.replaceSubrange(edit[3]..<edit[3] + edit[4], with: try latin1(fields[5]))
            var writer = ByteWriter()
            writer.write(edit[1] < 0 ? UInt64(header.count) : UInt64(edit[1]))
            writer.write(header)
            writer.writeZeros(edit[2])
            return Case(bytes: writer.bytes, isAccepted: edit[6] == 1)
        }
    }

    private func latin1(_ text: Any) throws -> [UInt8] {
        try #require(text as? String).unicodeScalars.map { try #require(UInt8(exactly: $0.value)) }
    }

    @Test func decisionsAreTheReferencesOrStricterForAReason() throws {
        let cases = try cases()
        #expect(cases.count == 2000)
        #expect(cases.count { $0.isAccepted } > 300)
        var reasons: Set<String> = []
        for (index, sample) in cases.enumerated() {
            let header = String(decoding: sample.bytes.dropFirst(8), as: UTF8.self)
            do throws(ByteFormatError) {
                _ = try unsafe SafetensorsHeader(prefix: sample.bytes.span.bytes, fileByteCount: sample.bytes.count)
                #expect(sample.isAccepted, "case \(index) is read, the reference refuses it: \(header)")
            } catch {
                guard sample.isAccepted else { continue }
                let reason = Self.stricter.keys.first { error.message.contains($0) }
                #expect(reason != nil, "case \(index) is refused, the reference reads it: \(error); \(header)")
                if let reason { reasons.insert(reason) }
            }
        }
        #expect(reasons == Set(Self.stricter.keys), "reasons that no case needs")
    }
}
