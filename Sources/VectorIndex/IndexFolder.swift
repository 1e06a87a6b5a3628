import ByteFormats
import Samples

/// The files of an index: finds the current manifest and removes what nothing names any more.
struct IndexFolder: Sendable, Hashable {
    static let lockName = "LOCK"
    /// Manifests that are kept, the newest included, so that a reader who has just read one still finds its segments.
    static let keptManifestCount = 3

    let path: String

    /// Generations that have a manifest file, newest first.
    func generations() throws -> [UInt64] {
        try translatingErrors(inFile: path) {
            try Folder.names(in: path).compactMap(IndexManifest.generation).sorted(by: >)
        }
    }

    func manifest(generation: UInt64) throws -> IndexManifest {
        let file = path + "/" + IndexManifest.fileName(generation: generation)
        let manifest = try translatingErrors(inFile: file) {
            let handle = try RandomAccessFile(path: file)
            return try IndexManifest(try handle.read(byteOffset: 0, byteCount: handle.byteCount), path: file)
        }
        guard manifest.generation == generation else {
            throw VectorIndexError(.damaged, "the manifest is of generation \(manifest.generation)", path: file)
        }
        return manifest
    }

    /// The newest manifest that validates and whose segments are there in full length; `nil` if there is none at all.
    ///
    /// - Parameter fallback: what is wrong with the newest one where an older one had to do.
    /// - Throws: The newest one's error if manifests exist and none validates.
    func currentManifest(fallback: inout (any Error)?) throws -> IndexManifest? {
        var firstError: (any Error)?
        fallback = nil
        for generation in try generations() {
            do {
                let manifest = try self.manifest(generation: generation)
                try checkFiles(of: manifest)
                fallback = firstError
                return manifest
            } catch let error as VectorIndexError where error.code == .unsupportedVersion {
                // Not damage: falling back to an older manifest would hide newer rows.
                throw error
            } catch let error as VectorIndexError where error.code == .damaged || error.code == .notFound {
                // Errors of the disk are no damage either: they may be gone the next time.
                firstError = firstError ?? error
            }
        }
        if let firstError { throw firstError }
        return nil
    }

    /// The same, wherever it does not matter whether the newest one had to be passed over.
    func currentManifest() throws -> IndexManifest? {
        var fallback: (any Error)?
        return try currentManifest(fallback: &fallback)
    }

    /// Reads the codec of a manifest; `nil` if it has none.
    func codec(of manifest: IndexManifest) throws -> VectorCodec? {
        guard let digest = manifest.codec else { return nil }
        let file = path + "/" + VectorCodec.fileName(digest)
        let codec = try VectorCodec(path: file)
        guard codec.digest == digest, codec.dimension == manifest.dimension else {
            throw VectorIndexError(.damaged, "the codec is not the one the manifest names: build again", path: file)
        }
        return codec
    }

    private func checkFiles(of manifest: IndexManifest) throws {
        for segment in manifest.segments {
            let file = path + "/" + segment.name
            let byteCount = try translatingErrors(inFile: file) { try Folder.byteCount(ofFile: file) }
            guard byteCount == segment.byteCount else {
                throw VectorIndexError(
                    .damaged,
                    "the segment has \(byteCount) bytes and should have \(segment.byteCount): vlmpipe index repair "
                        + "keeps what is whole, or build the index again", path: file)
            }
        }
    }

    /// SHA-256 of a file, read in pieces.
    static func digest(ofFile path: String) throws -> Digest {
        try translatingErrors(inFile: path) {
            let file = try RandomAccessFile(path: path)
            var hasher = DigestHasher()
            var position = 0
            var bytes: [UInt8] = []
            while position < file.byteCount {
                let count = min(1 << 20, file.byteCount - position)
                try file.read(byteOffset: UInt64(position), byteCount: count, into: &bytes)
                hasher.update(bytes)
                position += count
            }
            return hasher.finalize()
        }
    }

    /// Opens a segment with its deleted rows.
    func open(_ record: IndexManifest.Segment, access: FileReading = .pread) throws -> IndexSegment {
        try IndexSegment(folder: path, name: record.name, access: access, deleted: try deletedRows(of: record))
    }

    /// Reads which rows of a segment are deleted; `nil` if none is.
    func deletedRows(of record: IndexManifest.Segment) throws -> DeletedRows? {
        guard let deletion = record.deletion else { return nil }
        let file = path + "/" + deletion.name
        let bytes = try translatingErrors(inFile: file) {
            let handle = try RandomAccessFile(path: file)
            guard handle.byteCount == deletion.byteCount else {
                throw ByteFormatError(
                    .malformed, "the deleted rows have \(handle.byteCount) bytes and should have \(deletion.byteCount)",
                    path: file)
            }
            return try handle.read(byteOffset: 0, byteCount: handle.byteCount)
        }
        let deleted = try translatingErrors(inFile: file) { try DeletedRows(bytes, path: file) }
        guard Digest(hashing: bytes) == deletion.digest, deleted.segment == record.digest,
            deleted.segmentRowCount == record.rowCount, deleted.rows.count == deletion.rowCount
        else {
            throw VectorIndexError(
                .damaged, "these are not the deleted rows that the manifest names: run vlmpipe index verify", path: file
            )
        }
        return deleted
    }

    /// Writes which rows of a segment are deleted.
    func store(_ rows: [UInt32], of record: IndexManifest.Segment) throws -> IndexManifest.Deletion {
        let deleted = DeletedRows(segment: record.digest, segmentRowCount: record.rowCount, rows: rows)
        let bytes = deleted.encoded
        let digest = Digest(hashing: bytes)
        let name = DeletedRows.fileName(digest)
        let file = path + "/" + name
        try translatingErrors(inFile: file) { try AtomicFile.write(path: file, bytes: bytes) }
        return IndexManifest.Deletion(name: name, byteCount: bytes.count, rowCount: rows.count, digest: digest)
    }

    /// What `collectGarbage` removed.
    struct Garbage: Sendable, Equatable {
        var fileCount = 0
        var byteCount = 0
    }

    /// Removes manifests past the newest ones, and files that none of those names.
    ///
    /// Only the writer that holds the lock may call it. Readers keep open what they have opened.
    @discardableResult
    func collectGarbage(keeping keptManifestCount: Int = IndexFolder.keptManifestCount) throws -> Garbage {
        let generations = try generations()
        let kept = Array(generations.prefix(keptManifestCount))
        var named: Set<String> = []
        // Without a manifest that can be read, files may be all that is left: repair must still find them.
        var isBlind = !generations.isEmpty
        for generation in kept {
            do {
                named.formUnion(try manifest(generation: generation).fileNames)
                isBlind = false
            } catch let error as VectorIndexError where error.code == .damaged {
                // A damaged manifest names nothing that could be used through it.
                continue
            }
        }
        var garbage = Garbage()
        try translatingErrors(inFile: path) {
            for name in try Folder.names(in: path) {
                let isOldManifest = IndexManifest.generation(ofFileName: name).map { !kept.contains($0) } ?? false
                let isOrphan = Self.isContent(name) && !named.contains(name) && !isBlind
                guard isOldManifest || isOrphan || Self.isTemporary(name) else { continue }
                let file = path + "/" + name
                garbage.byteCount += try Folder.byteCount(ofFile: file)
                garbage.fileCount += 1
                try Folder.removeFile(file)
            }
            if garbage.fileCount > 0 { try Folder.synchronize(path) }
        }
        return garbage
    }

    /// Whether nothing is at the path, or only what a writer leaves behind that was killed before its first manifest.
    var isVacant: Bool {
        get throws {
            guard Folder.exists(path) else { return true }
            return try translatingErrors(inFile: path) {
                try Folder.names(in: path).allSatisfy {
                    $0 == Self.lockName || Self.isContent($0) || Self.isTemporary($0)
                }
            }
        }
    }

    /// Whether a file with this name is there because a manifest names it.
    static func isContent(_ name: String) -> Bool {
        name.hasPrefix(SegmentFormat.filePrefix) && name.hasSuffix(SegmentFormat.fileExtension)
            || name.hasPrefix(VectorCodec.filePrefix) && name.hasSuffix(VectorCodec.fileExtension)
            || name.hasPrefix(DeletedRows.filePrefix) && name.hasSuffix(DeletedRows.fileExtension)
    }

    private static func isTemporary(_ name: String) -> Bool {
        name.hasSuffix(".tmp")
            && [
                IndexManifest.filePrefix, VectorCodec.filePrefix, DeletedRows.filePrefix, SegmentFormat.filePrefix,
                "segment", RowBuckets.fileName,
            ].contains { name.hasPrefix($0) }
    }
}

extension IndexManifest {
    /// The files that this manifest needs.
    var fileNames: Set<String> {
        var names = Set(segments.map(\.name))
        for segment in segments { if let deletion = segment.deletion { names.insert(deletion.name) } }
        if let codec { names.insert(VectorCodec.fileName(codec)) }
        return names
    }
}
