import Foundation
import SampleCatalog
import Samples
import TestSupport
import Testing

@testable import Workflows

/// What `dataset` and `status` print and write, on a catalog made by hand.
@Suite struct DatasetWorkflowTests {
    private let folder: TemporaryFolder
    private var workspace: String { folder.path + "/workspace" }

    init() throws {
        folder = try TemporaryFolder()
        let session = try open(.writing)
        let catalog = try SampleCatalog(path: session.workspace.catalogPath, access: .write)
        for (dataset, width) in [("a", 100), ("b", 3000)] {
            var chunk = SampleChunk(cursor: .init(byteOffset: 1, ordinal: 3, digest: nil))
            chunk.samples = (0..<2).map { ordinal in
                SampleRecord(
                    ordinal: ordinal, key: "key \(ordinal), \"q\"", split: .train,
                    image: ByteRange(offset: 512, byteCount: 100), format: dataset == "a" ? .jpeg : .png,
                    pixelWidth: width, pixelHeight: width + 10, orientation: .upright,
                    digest: Digest(hashing: "image \(ordinal)"), captions: ["an orange cat \(ordinal)"],
                    attributes: [
                        .init(name: "licence", value: .text("cc0")),
                        .init(name: "score", value: .real(Double(ordinal) / 4)),
                    ])
            }
            chunk.quarantine = [
                QuarantineRecord(
                    ordinal: 2, stage: "ingest", key: "bad\u{1B}[31m", byteOffset: 77, code: "malformed",
                    reason: "no, it is not")
            ]
            _ = try catalog.registerComplete(
                ShardRegistration(
                    dataset: dataset, rootPath: folder.path, path: "\(dataset).tar", kind: .tar, name: "\(dataset).tar",
                    settings: "s"), chunk: chunk)
        }
        try catalog.close()
    }

    private func open(_ mode: Session.Mode) throws -> Session {
        try Session.open(workspace: workspace, threads: 1, isQuiet: true, mode: mode)
    }

    @Test func statisticsConformToTheirSchema() throws {
        let report = try DatasetWorkflow.stats(datasets: [], in: try open(.reading))
        let json = try JSONFile.text(report)
        let check = try SchemaCheck(file: "dataset-stats.schema.json")
        #expect(try check.problems(json) == [])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(check.properties() == Set(object.keys))
        #expect(report.found == 6 && report.samples == 4 && report.quarantined == 2 && report.images == 2)
        #expect(report.formats == ["jpeg": 2, "png": 2])
        #expect(report.sizes == ["64-127": 2, "2048-": 2])
        #expect(report.attributes["score"]?.maximum == 0.25 && report.attributes["score"]?.numbers == 4)
        #expect(report.attributes["licence"]?.texts == 4 && report.attributes["licence"]?.minimum == nil)
        let text = report.text
        for part in ["jpeg 2, png 2", "64-127 px 2, 2048- 2", "licence", "ingest/malformed 2"] {
            #expect(text.contains(part), "\(part) in\n\(text)")
        }
        let one = try DatasetWorkflow.stats(datasets: ["a"], in: try open(.reading))
        let both = try DatasetWorkflow.stats(datasets: ["a", "b"], in: try open(.reading))
        #expect(one.found == 3 && one.sizes == ["64-127": 2])
        #expect(both.found == 6 && both.images == 4 && both.attributes["score"]?.numbers == 4)
    }

    @Test func quarantineIsListedByReasonAndExported() throws {
        let all = QuarantineSelection(datasets: [], stage: nil, reason: nil)
        var lines: [String] = []
        try DatasetWorkflow.quarantine(all, asJSON: false, in: try open(.reading)) { lines.append($0) }
        #expect(lines.count == 3)
        #expect(lines[0] == "ingest/malformed 2")
        #expect(lines[1].contains("/a.tar:77 ") && lines[1].contains("no, it is not"))
        #expect(!lines[1].contains("\u{1B}"))
        lines = []
        let none = QuarantineSelection(datasets: ["a"], stage: "embed", reason: nil)
        try DatasetWorkflow.quarantine(none, asJSON: true, in: try open(.reading)) { lines.append($0) }
        #expect(lines.isEmpty)

        let csv = folder.path + "/bad.csv"
        #expect(try DatasetWorkflow.exportQuarantine(all, to: csv, in: try open(.reading)).contains("wrote 2"))
        let rows = try String(contentsOfFile: csv, encoding: .utf8).components(separatedBy: "\r\n")
        #expect(rows.count == 4 && rows[0] == "dataset,shard,ordinal,key,stage,code,reason,path,offset,length")
        #expect(rows[1] == "a,a.tar,2,bad\u{1B}[31m,ingest,malformed,\"no, it is not\",\(folder.path)/a.tar,77,")
        let json = folder.path + "/bad.jsonl"
        _ = try DatasetWorkflow.exportQuarantine(all, to: json, in: try open(.reading))
        let objects = try String(contentsOfFile: json, encoding: .utf8).split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        #expect(objects.map { $0?["dataset"] as? String } == ["a", "b"])
        #expect(objects[0]?["offset"] as? Int == 77)
        #expect {
            try DatasetWorkflow.exportQuarantine(all, to: "bad.xls", in: try open(.reading))
        } throws: {
            ($0 as? WorkflowError)?.code == .usage
        }
    }

    @Test func retrySaysWhatComesNext() throws {
        let text = try DatasetWorkflow.retryQuarantined(
            QuarantineSelection(datasets: ["b"], stage: nil, reason: "malformed"), in: try open(.writing))
        #expect(text.contains("marked 1") && text.contains("vlmpipe ingest"))
        let nothing = try DatasetWorkflow.retryQuarantined(
            QuarantineSelection(datasets: [], stage: "embed", reason: nil), in: try open(.writing))
        #expect(nothing.contains("nothing"))
    }

    @Test func relocationLooksForTheFilesFirst() throws {
        let new = folder.path + "/new"
        try FileManager.default.createDirectory(atPath: new, withIntermediateDirectories: true)
        try Data([1]).write(to: URL(fileURLWithPath: new + "/a.tar"))
        #expect {
            try DatasetWorkflow.relocate(from: folder.path, to: new, allowsMissing: false, in: try open(.writing))
        } throws: {
            "\($0)".contains("1 of 2 files") && "\($0)".contains("b.tar")
        }
        try Data([1]).write(to: URL(fileURLWithPath: new + "/b.tar"))
        let text = try DatasetWorkflow.relocate(
            from: folder.path, to: new, allowsMissing: false, in: try open(.writing))
        #expect(text.hasPrefix("2 shards are now found"))
        try FileManager.default.removeItem(atPath: new + "/b.tar")
        let back = folder.path + "/back"
        try FileManager.default.createDirectory(atPath: back, withIntermediateDirectories: true)
        #expect(
            try DatasetWorkflow.relocate(from: new, to: back, allowsMissing: true, in: try open(.writing))
                .hasPrefix("2 shards"))
    }

    @Test func captionsAreIndexedWhenTheyAreLookedFor() throws {
        let found = try DatasetWorkflow.find("ORANGE 1", dataset: nil, count: 5, in: try open(.reading))
        #expect(found.hits.map(\.dataset) == ["a", "b"] && found.exhaustive)
        #expect(found.hits.first?.captions == ["an orange cat 1"])
        #expect(found.table(style: TableStyle(width: nil, usesColor: false)).contains("an orange cat 1"))
        #expect(try DatasetWorkflow.find("cat", dataset: "b", count: 1, in: try open(.reading)).hits.count == 1)
        // While another command writes, what is not indexed is left out.
        _ = try DatasetWorkflow.remove("b", in: try open(.writing))
        #expect(try DatasetWorkflow.find("cat", dataset: nil, count: 5, in: try open(.reading)).hits.count == 2)
    }

    @Test func statusShowsDataSetsAndTheNextCommand() throws {
        let report = try StatusWorkflow.run(in: try open(.reading))
        #expect(report.datasets.map(\.name) == ["a", "b"])
        #expect(report.datasets.map(\.found) == [3, 3])
        #expect(report.catalogBytes > 0 && report.bytes >= report.catalogBytes)
        #expect(report.next.hasPrefix("vlmpipe train"))
        #expect(report.text.contains("1 quarantined") && report.text.contains("free"))
        let catalog = try open(.writing).writeCatalog()
        _ = try catalog.register([
            ShardRegistration(dataset: "a", rootPath: "/x", path: "c.tar", kind: .tar, name: "c.tar", settings: "s")
        ])
        let pending = try StatusWorkflow.run(in: try open(.reading))
        #expect(pending.next.contains("vlmpipe ingest") && pending.next.contains("--dataset a"))
    }

    /// The benchmark is small here: it makes what it says.
    @Test func theBenchmarkCountsItsRows() throws {
        let result = try CatalogBenchmark.run(rows: 700, path: folder.path + "/bench.sqlite") { _ in }
        #expect(result.rows == 700)
        let split = try #require(result.filters.first { $0.text.hasPrefix("split") })
        #expect(split.found == 35)
        #expect(result.captionSearches.first?.found == 20)
        #expect(result.bytesPerRow > result.bytesPerRowWithoutCaptions)
        #expect {
            try CatalogBenchmark.run(rows: 1, path: folder.path + "/bench.sqlite") { _ in }
        } throws: {
            ($0 as? WorkflowError)?.code == .usage
        }
    }
}
