import SampleCatalog
import Samples
import Shards

/// Files that the catalog knows and a walk did not see, to be found again under other names.
///
/// A file is the same if a file of its name, with everything beside it, has the size and time it had; or else if its
/// bytes are the same. It keeps its shard and ordinal, and with them its identity and its vectors.
struct VanishedFiles {
    /// A vanished file.
    struct Place: Hashable {
        let shard: ShardID
        let ordinal: UInt32
    }

    private struct File {
        let place: Place
        let folder: String
        let signature: Digest
    }

    private var byName: [PathKey: [File]] = [:]
    private var byDigest: [Digest: [(place: Place, name: String)]] = [:]
    private var byteCounts: Set<Int64> = []
    private var isTaken: Set<Place> = []
    private(set) var count = 0

    /// Most files that are looked for; more are taken for removed ones.
    static let maximumCount = 1_000_000

    var isEmpty: Bool { count == isTaken.count }

    /// Adds what has vanished of a shard. Only what was a good sample is worth finding again.
    mutating func add(_ files: [FileRecord], of shard: CatalogShard, catalog: SampleCatalog) throws {
        guard !files.isEmpty, count < VanishedFiles.maximumCount else { return }
        var samples: [UInt32: CatalogSample] = [:]
        try catalog.forEachChunk(ofShard: shard.id) { for sample in $0 { samples[sample.ordinal] = sample } }
        for file in files {
            guard let sample = samples[file.ordinal] else { continue }
            let place = Place(shard: shard.id, ordinal: file.ordinal)
            let name = SourcePath.lastComponents(file.path, count: 1)
            byName[PathKey(name), default: []].append(
                File(place: place, folder: SourcePath.parent(file.path), signature: file.signature))
            if !sample.digest.isOfUnreadBytes {
                byDigest[sample.digest, default: []].append((place, name))
                byteCounts.insert(sample.image.byteCount)
            }
            count += 1
        }
    }

    /// The file that `candidate` was, if name, size and time say so.
    mutating func takeByName(_ candidate: FolderFile, in group: FolderGroup) -> Place? {
        let name = SourcePath.lastComponents(candidate.path, count: 1)
        let found = byName[PathKey(name)]?.first { file in
            !isTaken.contains(file.place) && group.signature(of: candidate, ifIn: file.folder) == file.signature
        }
        guard let found else { return nil }
        isTaken.insert(found.place)
        return found.place
    }

    /// Whether a vanished file had this size.
    func mayHold(byteCount: Int64) -> Bool { byteCounts.contains(byteCount) }

    /// The file that had these bytes; one of the same name before others.
    mutating func takeByDigest(_ digest: Digest, path: String) -> Place? {
        guard let files = byDigest[digest] else { return nil }
        let name = SourcePath.lastComponents(path, count: 1)
        let free = files.filter { !isTaken.contains($0.place) }
        guard let found = free.first(where: { $0.name == name }) ?? free.first else { return nil }
        isTaken.insert(found.place)
        return found.place
    }
}

extension FileRecord {
    /// Whether the file was gone when it was last looked for.
    var isGone: Bool { signature == .goneFile }
}

extension Digest {
    /// Stands for a file that is gone or could not be read. No file has it, so one that comes back counts as changed.
    static let goneFile = Digest(hashing: "vlmpipe: this file is gone")
}
