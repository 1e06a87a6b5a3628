import ByteFormats
import Encoders
import Foundation
import Testing

/// A checkpoint that its library wrote, with what its towers hold at each stage; made by Tests/Peers/golden.py.
struct GoldenCheckpoint {
    /// The folder.
    let folder: String
    let file: SafetensorsFile
    /// Images one after the other, rows × columns × RGB.
    let pixels: [UInt8]
    /// Texts from start to end token.
    let texts: [[Int32]]

    /// Folder of a committed fixture.
    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures")).path
    }

    init(_ name: String) throws {
        try self.init(folder: try Self.path(name))
    }

    init(folder: String) throws {
        self.folder = folder
        file = try SafetensorsFile(path: folder + "/golden.safetensors")
        pixels = try file.integers(of: "pixels").map { UInt8($0) }
        let tokens = try file.integers(of: "tokens").map { Int32($0) }
        let context = try file.entry(named: "tokens").shape[1]
        texts = stride(from: 0, to: tokens.count, by: context).map { start in
            Array(tokens[start..<start + context].prefix { $0 >= 0 })
        }
    }

    /// Whether the library's output holds a stage.
    func holds(_ stage: String) -> Bool { file.header[stage] != nil }

    /// The part of a stage that belongs to one sequence; of a stage with rows, only the first `rowCount`.
    func values(_ stage: String, sequence: Int, rowCount: Int) throws -> [Float] {
        let entry = try file.entry(named: stage)
        let all = try file.floats(of: stage)
        let count = all.count / entry.shape[0]
        let used = entry.shape.count == 3 ? min(rowCount, entry.shape[1]) * entry.shape[2] : count
        return Array(all[sequence * count..<sequence * count + used])
    }

    /// A stage of all sequences.
    func floats(_ stage: String) throws -> [Float] { try file.floats(of: stage) }

    /// Largest difference; infinite when the counts differ or a value is not a number.
    static func worst(_ actual: [Float], _ expected: [Float]) -> Float {
        guard actual.count == expected.count else { return .infinity }
        var worst: Float = 0
        for (left, right) in zip(actual, expected) {
            let difference = abs(left - right)
            guard difference.isFinite else { return .infinity }
            worst = max(worst, difference)
        }
        return worst
    }
}
