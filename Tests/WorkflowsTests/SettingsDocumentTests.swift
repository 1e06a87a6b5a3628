import Testing
import Workflows

@Suite struct SettingsDocumentTests {
    enum Colour: String, CaseIterable { case red, blue }

    @Test func readsEveryKind() throws {
        let document = try SettingsDocument(
            text: """
                count: 3
                rate: 1e-3
                whole: 2
                on: true
                name: "${who} here"
                colour: blue
                pair: [0.5, 1]
                files: [a, "${who}.tar"]
                one: single
                inner: {depth: 2}
                list: [{x: 1}, {x: 2}]
                """, name: "test", variables: ["who": "me"])
        let root = document.root
        #expect(root.integer("count", in: 0...10) == 3)
        #expect(root.number("rate", in: 0...1) == 1e-3)
        #expect(root.number("whole", in: 0...5) == 2)
        #expect(root.flag("on"))
        #expect(root.text("name") == "me here")
        #expect(root.choice("colour", default: Colour.red) == .blue)
        #expect(root.numbers("pair", count: 2, in: 0...1) == [0.5, 1])
        #expect(root.texts("files") == ["a", "me.tar"])
        #expect(root.texts("one") == ["single"])
        #expect(root.section("inner").integer("depth", in: 0...9) == 2)
        #expect(root.section("absent").integer("depth", default: 7, in: 0...9) == 7)
        #expect(root.sections("list").map { $0.integer("x", in: 0...9) } == [1, 2])
        #expect(root.optionalText("nothing") == nil)
        try document.finish()
    }

    @Test func allProblemsAreReportedTogether() throws {
        let document = try SettingsDocument(
            text: """
                count: 30
                kolour: red
                colour: green
                inner:
                  deep: yes please
                  surplus: 1
                text: ${missing}
                """, name: "bad.yaml")
        let root = document.root
        _ = root.integer("count", in: 0...10)
        _ = root.choice("colour", default: Colour.red)
        _ = root.section("inner").flag("deep")
        _ = root.text("text")
        _ = root.text("required")
        #expect {
            try document.finish()
        } throws: { error in
            let text = "\(error)"
            return (error as? WorkflowError)?.code == .badData
                && [
                    "bad.yaml", "7 problems", "line 1: count: is 30", "line 2: kolour: unknown setting", "green",
                    "inner.deep: must be true or false", "inner.surplus: unknown setting",
                    "variable 'missing'", "required: is missing",
                ].allSatisfy(text.contains)
        }
    }

    @Test(arguments: ["- a\n- b\n", "a: [1\n", ""])
    func refusesWhatIsNoMapping(text: String) {
        #expect(throws: WorkflowError.self) { try SettingsDocument(text: text, name: "x") }
    }
}
