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
    }

    /// Absolute path of the workspace.
    public var workspace: String
    /// Bytes of all its files.
    public var bytes: Int
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
        var lines = ["workspace  \(workspace), \(ByteText.text(bytes))"]
        for dataset in datasets {
            let splits = dataset.splits.sorted { $0.key < $1.key }.map {
                "\($0.key) \(ProgressReporter.grouped($0.value))"
            }
            lines.append(
                "data set   \(dataset.name): \(ProgressReporter.grouped(dataset.samples)) samples "
                    + "(\(splits.joined(separator: ", "))), \(ProgressReporter.grouped(dataset.captions)) captions"
                    + (dataset.quarantined > 0 ? ", \(dataset.quarantined) quarantined" : ""))
        }
        for model in models {
            lines.append(
                "model      \(model.name)\(model.isInUse ? " (in use)" : ""): "
                    + "\(ProgressReporter.grouped(model.embedded)) of \(ProgressReporter.grouped(model.total)) samples embedded"
            )
        }
        lines.append("CPU        \(cpu)")
        lines.append("next       \(next)")
        return lines.joined(separator: "\n") + "\n"
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
            workspace: workspace.path, bytes: byteCount(below: workspace.path), datasets: [], models: [],
            cpu: ProcessorFeatures.summary, next: "vlmpipe ingest SOURCE")
        guard Folder.exists(workspace.catalogPath) else { return report }
        let catalog = try session.readCatalog()
        for name in try catalog.datasetNames() {
            let counts = try catalog.counts(ofDataset: name)
            report.datasets.append(
                StatusReport.Dataset(
                    name: name, found: counts.found, samples: counts.samples, quarantined: counts.quarantined,
                    captions: counts.captions, splits: counts.samplesBySplit))
        }
        let store = ModelStore(workspace: workspace)
        let current = try store.currentName()
        for name in try store.names() {
            let model = try store.model(named: name)
            let share = try EmbeddedShare(
                catalog: catalog, space: SpaceFolder(workspace: workspace, space: model.space))
            report.models.append(
                StatusReport.Model(
                    name: name, isInUse: name == current, space: model.space.description, embedded: share.embeddedCount,
                    total: share.totalCount))
        }
        report.next = next(report)
        return report
    }

    private static func next(_ report: StatusReport) -> String {
        if report.datasets.allSatisfy({ $0.found == 0 }) { return "vlmpipe ingest SOURCE" }
        if report.models.isEmpty { return "vlmpipe train" }
        guard let model = report.models.first(where: \.isInUse) else { return "vlmpipe model use NAME" }
        return model.embedded < model.total ? "vlmpipe embed" : "vlmpipe search \"…\""
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
