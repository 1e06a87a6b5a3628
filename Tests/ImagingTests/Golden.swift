import Foundation
import Imaging
import Kernels
import Samples
import Testing

/// The fixtures that Tests/Peers/imaging_golden.py made with Pillow.
struct Golden {
    struct Case: Decodable, CustomTestStringConvertible, Sendable {
        let file: String
        let operation: String
        let filter: String?
        let box: [Int32]?
        let amount: Double?
        let width: Int
        let height: Int
        let blob: String
        let offset: Int

        var testDescription: String {
            let details = [filter, box.map { "\($0)" }, amount.map { "\($0)" }].compactMap { $0 }.joined(separator: " ")
            return "\(operation) \(file) \(details) → \(width) × \(height)"
        }
    }

    private struct File: Decodable {
        let cases: [Case]
    }

    static let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures")

    /// The kernel that a case names.
    static func filter(of golden: Case) throws -> ResampleFilter {
        try #require(golden.filter.flatMap(ResampleFilter.init(rawValue:)))
    }

    static func bytes(of file: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: folder.appendingPathComponent(file)))
    }

    /// All cases of these operations; empty, which a test refuses, if the fixtures are missing.
    static func cases(_ operations: String...) -> [Case] {
        do {
            let file = try JSONDecoder().decode(File.self, from: Data(bytes(of: "golden.json")))
            return file.cases.filter { operations.contains($0.operation) }
        } catch {
            Issue.record(error)
            return []
        }
    }

    static func pixels(of golden: Case) throws -> PixelImage {
        let all = try bytes(of: golden.blob)
        let count = golden.width * golden.height * 3
        return PixelImage(
            width: golden.width, height: golden.height, bytes: Array(all[golden.offset..<golden.offset + count]))
    }
}

/// Fails unless the pictures are the same, naming the worst pixel.
func expectSamePixels(
    _ image: PixelImage, _ expected: PixelImage, _ label: String = "", at location: SourceLocation = #_sourceLocation
) {
    guard image.width == expected.width, image.height == expected.height else {
        Issue.record(
            "\(label): \(image.width) × \(image.height), expected \(expected.width) × \(expected.height)",
            sourceLocation: location)
        return
    }
    let differences = zip(image.bytes, expected.bytes).map { abs(Int($0) - Int($1)) }
    guard let worst = differences.indices.max(by: { differences[$0] < differences[$1] }), differences[worst] > 0
    else { return }
    let count = differences.count { $0 > 0 }
    Issue.record(
        """
        \(label): \(count) of \(differences.count) bytes differ, most at x \(worst / 3 % image.width), \
        y \(worst / 3 / image.width), channel \(worst % 3): \(image.bytes[worst]), expected \(expected.bytes[worst])
        """, sourceLocation: location)
}
