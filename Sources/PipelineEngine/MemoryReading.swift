import Dispatch
import Glibc
import Synchronization

/// The memory of this process at one moment, as the kernel counts it.
public struct MemoryReading: Sendable, Equatable {
    /// Anonymous and shared memory in use (RssAnon + RssShmem): what every memory bound of the tool means.
    public let anonymousAndSharedByteCount: Int
    /// Pages of mapped files in memory (RssFile), which the kernel may drop at any time.
    public let mappedFileByteCount: Int
    /// The largest resident set so far (VmHWM), mapped files included.
    public let peakResidentByteCount: Int

    /// Reads `/proc/self/status`.
    ///
    /// - Throws: `PipelineError` (`system`) where there is no such file, or it lacks a field.
    public static func current() throws(PipelineError) -> MemoryReading {
        let path = "/proc/self/status"
        guard let file = unsafe fopen(path, "re") else {
            throw PipelineError(.system, "memory use cannot be read on this system", place: path)
        }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 16384)
        // Reads at most bytes.count bytes into memory that lives for the call.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        return try parse(String(decoding: bytes[..<count], as: UTF8.self), place: path)
    }

    static func parse(_ status: String, place: String) throws(PipelineError) -> MemoryReading {
        var kibibytes: [Substring: Int] = [:]
        for line in status.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let words = line[line.index(after: colon)...].split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count == 2, words[1] == "kB", let value = Int(words[0]) else { continue }
            kibibytes[line[..<colon]] = value
        }
        guard let anonymous = kibibytes["RssAnon"], let shared = kibibytes["RssShmem"],
            let file = kibibytes["RssFile"], let peak = kibibytes["VmHWM"]
        else {
            throw PipelineError(
                .system, "the kernel does not report RssAnon, RssShmem, RssFile and VmHWM", place: place)
        }
        return MemoryReading(
            anonymousAndSharedByteCount: (anonymous + shared) * 1024, mappedFileByteCount: file * 1024,
            peakResidentByteCount: peak * 1024)
    }
}

/// Follows the largest anonymous + shared memory of the process, which the kernel itself does not keep.
///
/// It reads every `intervalMilliseconds`; a peak shorter than that may be missed. A system without the reading gives
/// nil. The meter stops when it is released.
public final class PeakMemoryMeter: Sendable {
    private let peak = Mutex<Int?>(nil)
    private let timer = Mutex<DispatchSourceHandle?>(nil)

    /// Starts to measure.
    public init(intervalMilliseconds: Int = 50) {
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "peak-memory"))
        timer.schedule(deadline: .now(), repeating: .milliseconds(intervalMilliseconds))
        timer.setEventHandler { [weak self] in self?.sample() }
        let handle = DispatchSourceHandle(resuming: timer)
        self.timer.withLock { $0 = handle }
    }

    deinit {
        timer.withLock { $0?.cancel() }
    }

    /// The largest reading so far, now included; nil where memory cannot be read.
    public var peakByteCount: Int? {
        sample()
        return peak.withLock { $0 }
    }

    private func sample() {
        do throws(PipelineError) {
            let reading = try MemoryReading.current()
            peak.withLock { $0 = max($0 ?? 0, reading.anonymousAndSharedByteCount) }
        } catch {
            // A system without the reading has no peak to report; nil says so.
            return
        }
    }
}
