import ByteFormats
import Foundation
import PipelineEngine
import Reports
import SampleCatalog
import Samples
import Shards

/// Looks at data sets, moves and removes them.
public enum DatasetWorkflow {
    /// Counts over the named data sets, or all.
    ///
    /// - Throws: `CatalogError` for an unknown name.
    public static func stats(datasets: [String], in session: Session) throws -> DatasetStatistics {
        let catalog = try session.readCatalog()
        func statistics(_ name: String?) throws -> DatasetStatistics {
            DatasetStatistics(try catalog.counts(ofDataset: name), try catalog.attributeUse(ofDataset: name))
        }
        guard let first = datasets.first else { return try statistics(nil) }
        return try datasets.dropFirst().reduce(try statistics(first)) { sum, name in try sum + statistics(name) }
    }

    /// Tells the catalog that the sources below one folder are now below another; returns a line for people.
    ///
    /// Unless `allowsMissing` is set, every file is looked for first: nothing is changed when one is not there, or a tar
    /// has another size.
    ///
    /// - Throws: `WorkflowError` with code `noInput` when the new folder or files in it do not exist, `CatalogError` when
    ///   nothing is recorded below the old one.
    public static func relocate(
        from old: String, to new: String, allowsMissing: Bool, in session: Session
    ) throws -> String {
        guard FileKind.ofItem(atPath: new) == .folder else {
            throw WorkflowError(.noInput, "there is no such folder", place: new)
        }
        // The old folder need not exist any more, so its path is only put in absolute form.
        let oldPath = URL(fileURLWithPath: old).standardized.path
        let newPath = try SourcePath.absolute(new)
        let catalog = try session.writeCatalog()
        if !allowsMissing { try checkFiles(from: oldPath, to: newPath, catalog) }
        let count = try catalog.relocate(from: oldPath, to: newPath)
        return "\(ProgressReporter.grouped(count)) shard\(count == 1 ? " is" : "s are") now found below \(new)"
    }

    private static func checkFiles(from old: String, to new: String, _ catalog: SampleCatalog) throws {
        var wantedCount = 0
        var missing: [String] = []
        var missingCount = 0
        func check(_ path: String, byteCount: Int64?) {
            guard let below = SourcePath.relative(path, to: old) else { return }
            wantedCount += 1
            let place = SourcePath.join(new, below)
            if let facts = FileFacts.ofFile(atPath: place), facts.byteCount == byteCount ?? facts.byteCount { return }
            missingCount += 1
            if missing.count < 3 { missing.append(place) }
        }
        for shard in try catalog.shards(states: [.complete, .pending]) {
            switch shard.kind {
            case .tar: check(shard.absolutePath, byteCount: shard.byteCount)
            case .folder, .manifest:
                try catalog.forEachChunk(ofShard: shard.id, count: 1024, includesQuarantined: false) { samples in
                    for sample in samples { check(sample.imagePath, byteCount: nil) }
                }
            case .stream: break
            }
        }
        guard missingCount == 0 else {
            throw WorkflowError(
                .noInput,
                "\(ProgressReporter.grouped(missingCount)) of \(ProgressReporter.grouped(wantedCount)) files are not "
                    + "there or have another size, such as \(missing.joined(separator: ", ")); nothing was changed: "
                    + "name the folder that holds what was in '\(old)', or add --allow-missing", place: new)
        }
    }

    /// Takes a data set out of the catalog; returns a line for people.
    ///
    /// - Throws: `CatalogError` for an unknown name.
    public static func remove(_ name: String, in session: Session) throws -> String {
        let catalog = try session.writeCatalog()
        let count = try catalog.counts(ofDataset: name, countsDistinctImages: false).found
        try catalog.removeDataset(name)
        return
            "forgot \(ProgressReporter.grouped(count)) samples of \(name); 'vlmpipe embed' takes them out of the indexes"
    }

    /// Hands over the catalog as sorted text, piece by piece.
    public static func dump(in session: Session, show: (String) -> Void) throws {
        try session.readCatalog().dump { show($0) }
    }
}
