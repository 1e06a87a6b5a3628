import ByteFormats
import Foundation
import TestSupport

/// The files of a folder by name, directly in it.
typealias FolderState = [String: [UInt8]]

enum Files {
    static func read(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    static func state(of folder: String) throws -> FolderState {
        var state: FolderState = [:]
        guard FileManager.default.fileExists(atPath: folder) else { return state }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            state[name] = try read(folder + "/" + name)
        }
        return state
    }

    /// Makes `folder` hold exactly these files.
    static func restore(_ state: FolderState, to folder: String) throws {
        if FileManager.default.fileExists(atPath: folder) { try FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, bytes) in state { try write(bytes, to: folder + "/" + name) }
    }

    /// The states of a folder before each step of `body`, and after it: what a killed process leaves behind.
    static func states(of folder: String, during body: () throws -> Void) throws -> [FolderState] {
        let states = Locked<[FolderState]>([])
        let failures = Locked<[String]>([])
        let observer = FileStepRecorder.observer {
            do {
                let state = try Files.state(of: folder)
                states.update { if $0.last != state { $0.append(state) } }
            } catch {
                failures.update { $0.append("\(error)") }
            }
        }
        try FileStepRecorder.record(observer, body)
        guard failures.value.isEmpty else { throw VectorTestError(message: failures.value.joined()) }
        return states.value + [try state(of: folder)]
    }
}

extension Files {
    /// The same for actions that wait; also how many steps there were.
    static func states(
        of folder: String, during body: () async throws -> Void
    ) async throws -> (states: [FolderState], stepCount: Int) {
        let states = Locked<[FolderState]>([])
        let failures = Locked<[String]>([])
        let steps = Locked<Int>(0)
        let observer = FileStepRecorder.observer {
            do {
                let state = try Files.state(of: folder)
                steps.update { $0 += 1 }
                states.update { if $0.last != state { $0.append(state) } }
            } catch {
                failures.update { $0.append("\(error)") }
            }
        }
        try await FileStep.$observer.withValue(observer) { try await body() }
        guard failures.value.isEmpty else { throw VectorTestError(message: failures.value.joined()) }
        return (states.value + [try state(of: folder)], steps.value)
    }
}

struct VectorTestError: Error { let message: String }
