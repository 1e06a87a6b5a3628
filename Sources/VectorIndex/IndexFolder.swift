import ByteFormats

/// The files of an index: finds the current manifest and removes what nothing names any more.
struct IndexFolder: Sendable {
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
    /// - Throws: The newest one's error if manifests exist and none validates.
    func currentManifest() throws -> IndexManifest? {
        var firstError: (any Error)?
        for generation in try generations() {
            do {
                let manifest = try self.manifest(generation: generation)
                try checkFiles(of: manifest)
                return manifest
            } catch let error as VectorIndexError where error.code == .unsupportedVersion {
                // Not damage: falling back to an older manifest would hide newer rows.
                throw error
            } catch {
                firstError = firstError ?? error
            }
        }
        if let firstError { throw firstError }
        return nil
    }

    /// Reads the codec of a manifest; `nil` if it has none.
    func codec(of manifest: IndexManifest) throws -> VectorCodec? {
        guard let digest = manifest.codec else { return nil }
        let file = path + "/" + VectorCodec.fileName(digest)
        let codec = try translatingErrors(inFile: file) {
            let handle = try RandomAccessFile(path: file)
            guard handle.byteCount <= VectorCodec.maximumByteCount else {
                throw ByteFormatError(.limitExceeded, "a codec cannot have \(handle.byteCount) bytes", path: file)
            }
            return try VectorCodec(try handle.read(byteOffset: 0, byteCount: handle.byteCount), path: file)
        }
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
                    "the segment has \(byteCount) bytes and should have \(segment.byteCount): delete the index and "
                        + "build it again from the embeddings", path: file)
            }
        }
    }

    /// Removes manifests past the newest three, and segments and temporary files that none of those names.
    ///
    /// Only the writer that holds the lock may call it. Readers keep open what they have opened.
    func collectGarbage() throws {
        let generations = try generations()
        let kept = Array(generations.prefix(Self.keptManifestCount))
        var named: Set<String> = []
        for generation in kept {
            do {
                let manifest = try manifest(generation: generation)
                named.formUnion(manifest.segments.map(\.name))
                if let codec = manifest.codec { named.insert(VectorCodec.fileName(codec)) }
            } catch let error as VectorIndexError where error.code == .damaged {
                // A damaged manifest names nothing that could be used through it.
                continue
            }
        }
        try translatingErrors(inFile: path) {
            for name in try Folder.names(in: path) {
                let isOldManifest = IndexManifest.generation(ofFileName: name).map { !kept.contains($0) } ?? false
                let isOrphan =
                    (name.hasPrefix(SegmentFormat.filePrefix) && name.hasSuffix(SegmentFormat.fileExtension)
                        || name.hasPrefix(VectorCodec.filePrefix) && name.hasSuffix(VectorCodec.fileExtension))
                    && !named.contains(name)
                let isTemporary =
                    name.hasSuffix(".tmp")
                    && (name.hasPrefix(IndexManifest.filePrefix) || name.hasPrefix(VectorCodec.filePrefix)
                        || name.hasPrefix("segment"))
                if isOldManifest || isOrphan || isTemporary { try Folder.removeFile(path + "/" + name) }
            }
        }
    }
}
