import ByteFormats
import Foundation
import Kernels
import PipelineEngine
import SampleCatalog
import Samples

/// What there is in a workspace: the content of `vlmpipe status --json`.
public struct StatusReport: Codable, Sendable {
    /// A data set.
    public struct Dataset: Codable, Sendable {
        /// Name.
        public var name: String
        /// Everything found: samples and quarantined ones.
        public var found: Int
        /// Usable samples.
        public var samples: Int
        /// Samples set aside.
        public var quarantined: Int
        /// Captions of the samples.
        public var captions: Int
        /// Samples by split.
        public var splits: [String: Int]
        /// Shards whose ingest is not finished.
        public var pendingShards: Int
        /// Shards whose file is gone.
        public var missingShards: Int
    }

    /// A model and how much is embedded with it.
    public struct Model: Codable, Sendable {
        /// Name.
        public var name: String
        /// Whether commands use it when none is named.
        public var isInUse: Bool
        /// Its embedding space.
        public var space: String
        /// Samples embedded, failed ones included.
        public var embedded: Int
        /// Samples in the catalog.
        public var total: Int
        /// Bytes of the space: embeddings and index.
        public var bytes: Int
    }

    /// Absolute path of the workspace.
    public var workspace: String
    /// Bytes of all its files.
    public var bytes: Int
    /// Bytes of the catalog.
    public var catalogBytes: Int
    /// Bytes that are free on its disk; absent where the system does not say.
    public var freeBytes: Int?
    /// Its data sets.
    public var datasets: [Dataset]
    /// Its models.
    public var models: [Model]
    /// CPU features that the kernels use.
    public var cpu: String
    /// The next command that makes sense.
    public var next: String

    /// The report for people.
    public var text: String {
        var lines = [
            "workspace  \(workspace), \(ByteText.text(bytes)), of it the catalog \(ByteText.text(catalogBytes))"
                + (freeBytes.map { "; \(ByteText.text($0)) free" } ?? "")
        ]
        for dataset in datasets {
            let splits = dataset.splits.sorted { $0.key < $1.key }.map {
                "\($0.key) \(ProgressReporter.grouped($0.value))"
            }
            lines.append(
                "data set   \(dataset.name): \(ProgressReporter.grouped(dataset.samples)) samples "
                    + "(\(splits.joined(separator: ", "))), \(ProgressReporter.grouped(dataset.captions)) captions"
                    + part(dataset.quarantined, "quarantined") + part(dataset.pendingShards, "shards not finished")
                    + part(dataset.missingShards, "shards missing"))
        }
        for model in models {
            lines.append(
                "model      \(model.name)\(model.isInUse ? " (in use)" : ""): "
                    + "\(ProgressReporter.grouped(model.embedded)) of \(ProgressReporter.grouped(model.total)) samples embedded"
                    + share(model) + (model.bytes > 0 ? ", \(ByteText.text(model.bytes))" : ""))
        }
        lines.append("CPU        \(cpu)")
        lines.append("next       \(next)")
        return lines.joined(separator: "\n") + "\n"
    }

    private func part(_ count: Int, _ what: String) -> String {
        count > 0 ? ", \(ProgressReporter.grouped(count)) \(what)" : ""
    }

    private func share(_ model: Model) -> String {
        guard model.embedded < model.total else { return "" }
        return " (\(Int(100 * Double(model.embedded) / Double(model.total))) %)"
    }
}

/// Looks at a workspace without changing it.
public enum StatusWorkflow {
    /// Collects the report.
    ///
    /// - Throws: `CatalogError` when the catalog cannot be read.
    public static func run(in session: Session) throws -> StatusReport {
        let workspace = session.workspace
        var report = StatusReport(
            workspace: workspace.path, bytes: byteCount(below: workspace.path),
            catalogBytes: byteCount(ofFile: workspace.catalogPath) + byteCount(ofFile: workspace.catalogPath + "-wal"),
            freeBytes: freeByteCount(workspace.path), datasets: [], models: [], cpu: ProcessorFeatures.summary,
            next: "vlmpipe ingest SOURCE")
        guard Folder.exists(workspace.catalogPath) else { return report }
        let catalog = try session.readCatalog()
        for name in try catalog.datasetNames() {
            let counts = try catalog.counts(ofDataset: name, countsDistinctImages: false)
            report.datasets.append(
                StatusReport.Dataset(
                    name: name, found: counts.found, samples: counts.samples, quarantined: counts.quarantined,
                    captions: counts.captions, splits: counts.samplesBySplit, pendingShards: counts.pendingShards,
                    missingShards: counts.missingShards))
        }
        let store = ModelStore(workspace: workspace)
        let current = try store.currentName()
        for name in try store.names() {
            let model = try store.model(named: name)
            let space = SpaceFolder(workspace: workspace, space: model.space)
            let share = try EmbeddedShare(catalog: catalog, space: space)
            report.models.append(
                StatusReport.Model(
                    name: name, isInUse: name == current, space: model.space.description, embedded: share.embeddedCount,
                    total: share.totalCount, bytes: byteCount(below: space.path)))
        }
        report.next = next(report)
        return report
    }

    private static func next(_ report: StatusReport) -> String {
        if report.datasets.allSatisfy({ $0.found == 0 }) { return "vlmpipe ingest SOURCE" }
        if let dataset = report.datasets.first(where: { $0.pendingShards > 0 }) {
            return "vlmpipe ingest … --dataset \(dataset.name)   (goes on where it stopped)"
        }
        if report.models.isEmpty { return "vlmpipe train, or vlmpipe model import" }
        guard let model = report.models.first(where: \.isInUse) else { return "vlmpipe model use NAME" }
        guard model.embedded < model.total else { return "vlmpipe search \"…\"" }
        return "vlmpipe embed   (\(ProgressReporter.grouped(model.total - model.embedded)) samples to do)"
    }

    private static func byteCount(ofFile path: String) -> Int {
        // A file that is not there takes no room.
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    private static func freeByteCount(_ path: String) -> Int? {
        // Where the system does not say, nothing is shown.
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
    }

    /// Bytes of all regular files.
    private static func byteCount(below path: String) -> Int {
        guard let files = FileManager.default.enumerator(atPath: path) else { return 0 }
        var total = 0
        while files.nextObject() != nil {
            let attributes = files.fileAttributes
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            total += (attributes?[.size] as? NSNumber)?.intValue ?? 0
        }
        return total
    }
}
