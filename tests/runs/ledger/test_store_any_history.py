"""Whatever is done to runs in whatever order, the ledger keeps its promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from run_records import a_run

from kling_ui.options import TransferOptions
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import RunState

STATES = st.sampled_from(list(RunState))
HOLDERS = st.sampled_from(["me", "other"])
WISHES = st.sampled_from(["f" * 64, "e" * 64])
VISITORS = {"f" * 64: "ann", "e" * 64: "bob"}


class AnyHistory(RuleBasedStateMachine):
    """Runs of two wishes, looked after by two processes; beside them what should be known of each."""

    runs = Bundle("runs")

    def __init__(self):
        super().__init__()
        self.store, self.now, self.known = Store("sqlite://"), 100.0, {}

    def teardown(self):
        self.store.close()

    def tick(self):
        self.now += 1
        return self.now

    @rule(target=runs, wish=WISHES, holder=HOLDERS, again=st.booleans())
    def enter(self, wish, holder, again):
        record = a_run(
            run_id=f"{len(self.known):032x}",
            visitor=VISITORS[wish],
            state=RunState.PREPARING,
            created_at=self.tick(),
            changed_at=self.now,
            fingerprint=wish,
            holder=holder,
            held_until=self.now + 20,
            choice=TransferOptions("A robot"),
        )
        found = self.store.add(record, again=again)
        if found.run_id == record.run_id:
            self.known[record.run_id] = {
                "wish": wish,
                "holder": holder,
                "states": [RunState.PREPARING],
                "deleted": False,
            }
        else:
            assert found == self.store.get(found.run_id), "the run that stands in the way is told"
            assert found.fingerprint == wish
        return found.run_id

    @rule(run_id=runs, holder=HOLDERS, state=STATES)
    def note(self, run_id, holder, state):
        known = self.known[run_id]
        changed = self.store.change(run_id, holder=holder, now=self.tick(), state=state)
        assert changed is (known["holder"] == holder), "only who looks after a run may change it"
        if changed:
            known["states"].append(state)
            known["holder"] = None if state.is_final else holder

    @rule(run_id=runs)
    def recover(self, run_id):
        known = self.known[run_id]
        if known["states"][-1].is_final and not known["deleted"]:
            assert self.store.recover(run_id, f"req-{run_id}", now=self.tick())
            known["states"].append(RunState.IN_QUEUE)
            known["holder"] = None

    @rule(run_id=runs, stranger=st.booleans())
    def delete(self, run_id, stranger):
        known = self.known[run_id]
        visitor = "stranger" if stranger else VISITORS[known["wish"]]
        done = self.store.delete(run_id, visitor, now=self.tick())
        assert not (stranger and done), "nobody deletes another's run"
        assert done is (not stranger and known["states"][-1].is_final and not known["deleted"])
        known["deleted"] |= done

    @invariant()
    def each_run_is_what_was_noted_of_it(self):
        for run_id, known in self.known.items():
            record = self.store.get(run_id)
            assert record.state is known["states"][-1]
            assert record.holder == known["holder"]
            assert [state for state, _ in self.store.history(run_id)] == known["states"]
            if known["deleted"]:
                assert (record.choice.prompt, record.image_sha256) == ("", "")

    @invariant()
    def one_wish_is_never_open_twice(self):
        for wish, visitor in VISITORS.items():
            records = [record for record in self.store.of_visitor(visitor, 100) if record.fingerprint == wish]
            entered = [record for record in records if not record.state.is_final and record.request_id is None]
            assert len(entered) <= 1


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    deadline=None, derandomize=True, database=None, max_examples=25, stateful_step_count=20
)
