import Foundation
import Imaging
import PipelineEngine
import SampleCatalog
import Shards
import Synchronization

@testable import Workflows

/// A folder with sources and a catalog of its own, removed at the end.
final class IngestFixture {
    let path: String
    private(set) var catalogPath: String

    init() throws {
        path = NSTemporaryDirectory() + "vlmpipe-ingest-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        catalogPath = path + "/catalog.sqlite"
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { print("left behind: \(path): \(error)") }
    }

    /// A picture of its own for each number.
    static func image(_ number: Int, format: String = "png") throws -> [UInt8] {
        let color = PixelColor(red: UInt8(number & 255), green: UInt8(number >> 8 & 255), blue: 77)
        let image = PixelImage(width: 3 + number % 5, height: 2, filledWith: color)
        return format == "png" ? try ImageEncoder.png(image) : try ImageEncoder.jpeg(image, quality: 90)
    }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let full = path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: full))
        return full
    }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

    /// A tar of `count` samples, some of them bad, under `name`.
    @discardableResult
    func writeTar(_ name: String, count: Int, salt: Int = 0, cut: Int = 0) throws -> String {
        let directory = path + "/made-\(UUID().uuidString)"
        var writer = try ShardWriter(directory: directory, maximumSampleCount: count)
        for index in 0..<count {
            let key = "k" + String(1000 + index)
            var members: [(suffix: String, bytes: [UInt8])] = [
                ("png", index % 50 == 7 ? Array("not a picture".utf8) : try IngestFixture.image(index + salt)),
                ("txt", Array("caption \(index)".utf8)),
            ]
            if index % 3 == 0 {
                members.append(("json", Array(#"{"captions":["caption \#(index)","more"],"n":\#(index)}"#.utf8)))
            }
            if index % 40 == 9 { members[members.count - 1] = ("json", Array("{broken".utf8)) }
            try writer.write(key: key, members: members)
        }
        let made = try writer.finish()
        let bytes = FileManager.default.contents(atPath: made[0].path) ?? Data()
        try FileManager.default.removeItem(atPath: directory)
        return try write(name, Array(bytes.dropLast(cut)))
    }

    /// Runs an ingest of sources relative to the fixture and returns the report.
    func ingest(
        _ sources: [String], threads: Int = 2, into catalogPath: String? = nil,
        stop: StopSignal = IngestFixture.quietStop(),
        didCommit: (@Sendable (Int) -> Void)? = nil, change: (inout IngestOptions) -> Void = { _ in }
    ) async throws -> IngestReport {
        try await ingestAsWritten(
            sources.map { path + "/" + $0 }, threads: threads, into: catalogPath, stop: stop, didCommit: didCommit,
            change: change)
    }

    /// The same with sources that are no paths below the fixture.
    func ingestAsWritten(
        _ sources: [String], threads: Int = 2, into catalogPath: String? = nil,
        stop: StopSignal = IngestFixture.quietStop(),
        didCommit: (@Sendable (Int) -> Void)? = nil, change: (inout IngestOptions) -> Void = { _ in }
    ) async throws -> IngestReport {
        var options = IngestOptions(sources: sources)
        change(&options)
        let pool = ComputePool(threadCount: threads)
        defer { pool.shutdown() }
        let catalog = try SampleCatalog(path: catalogPath ?? self.catalogPath, access: .write)
        let progress = ProgressReporter(title: "ingest", unit: "samples", style: .quiet)
        let report = try await IngestWorkflow.run(
            options, catalog: catalog, pool: pool, progress: progress, stop: stop, didCommit: didCommit)
        try catalog.close()
        return report
    }

    func dump(_ catalogPath: String? = nil) throws -> String {
        try SampleCatalog(path: catalogPath ?? self.catalogPath, access: .read).dumpText()
    }

    func reading<Value>(_ body: (SampleCatalog) throws -> Value) throws -> Value {
        try body(try SampleCatalog(path: catalogPath, access: .read))
    }

    static func quietStop() -> StopSignal { StopSignal(acknowledge: {}, leave: {}) }
}
